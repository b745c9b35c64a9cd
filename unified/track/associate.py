"""Who is who: costs of taking a found box for a known object, and the assignment that costs least."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from unified.track.kalman import Array

Rows = npt.NDArray[np.intp]


def iou_cost(boxes: Array, others: Array) -> Array:
    """1 - IoU of each with each: (N, 4) and (M, 4) xyxy → (N, M) in 0..1; boxes without area overlap nothing."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    inter = (high - low).clip(min=0).prod(-1)
    union = _areas(boxes)[:, None] + _areas(others)[None] - inter
    cost: Array = 1 - np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)
    return cost


def appearance_cost(looks: Array, motion: Array, *, weight: float, gate: float) -> Array:
    """λ looks + (1 - λ) motion, infinite where motion > gate: equations (5) and (6) of DeepSORT (arXiv 1703.07402).

    `looks` (N, M) are cosine distances, `motion` (N, M) squared Mahalanobis distances; `weight` is λ, that of looks.
    """
    return np.where(motion <= gate, weight * looks + (1 - weight) * motion, np.inf)


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
