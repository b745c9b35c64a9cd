"""Who is who: costs of taking a found box for a known object, and the assignment that costs least."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from unified.track.kalman import Array, State, squared_mahalanobis

Rows = npt.NDArray[np.intp]


def iou_cost(boxes: Array, others: Array) -> Array:
    """1 - IoU of each with each: (N, 4) and (M, 4) xyxy → (N, M) in 0..1; boxes without area overlap nothing."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    inter = (high - low).clip(min=0).prod(-1)
    union = _areas(boxes)[:, None] + _areas(others)[None] - inter
    cost: Array = 1 - np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)
    return cost


def appearance_cost(state: State, vectors: Array, boxes: Array, others: Array, *, weight: float, gate: float) -> Array:
    """λ (1 - cosine) + (1 - λ) d², infinite where the motion rules the pair out (d² > gate): equation (5) of DeepSORT.

    N objects of which `state` and `vectors` (N, D) are known; M boxes (M, 4) xyxy that look like `others` (M, D).
    All vectors are of length 1. `weight` is λ.
    """
    motion = squared_mahalanobis(state, boxes)
    cost = weight * (1 - vectors @ others.T) + (1 - weight) * motion
    return np.where(motion <= gate, cost, np.inf)


def within_classes(cost: Array, labels: npt.NDArray[np.int64], others: npt.NDArray[np.int64]) -> Array:
    """`cost` (N, M), infinite where the classes (N,) and (M,) differ."""
    return np.where(labels[:, None] == others[None], cost, np.inf)


def match(cost: Array, limit: float) -> tuple[Rows, Rows]:
    """Pairs (rows, columns) of the assignment that costs least, where to leave a pair unmatched costs `limit`.

    No pair above `limit` is made. `cost` is (N, M) and may hold infinities.
    """
    allowed = cost <= limit
    rows, columns = linear_sum_assignment(np.where(allowed, cost, limit))
    made = allowed[rows, columns]
    return rows[made], columns[made]


def _areas(boxes: Array) -> Array:
    areas: Array = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    return areas
