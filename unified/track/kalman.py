"""A Kalman filter of boxes that move and grow at constant speed, for N objects at once.

State x = (cx, cy, w, h, their speeds), float64, pixels and pixels a step; a step is a tracked frame. Noise is
proportional to the box, so that the filter is the same at every scale: equations (2) to (4) of BoT-SORT
(arXiv 2206.14651), whose σ are below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

POSITION_NOISE = 0.05  # σ_p and σ_m of BoT-SORT, in sides of the box
SPEED_NOISE = 0.00625  # σ_v of BoT-SORT, in sides of the box a step
# Ours: the speed of an object seen once is unknown; it may well move by a quarter of itself a step.
NEWBORN_SPEED = 0.25
LEAST_SIDE = 1.0  # pixels; keeps the noise above zero for boxes without area

_F = np.eye(8) + np.eye(8, k=4)  # x_t = F x_{t-1}: each quantity grows by its speed
_H = np.eye(4, 8)  # z = H x: boxes are seen, speeds are not


@dataclass(frozen=True, slots=True)
class State:
    """What is believed of N objects: `mean` (N, 8) and `covariance` (N, 8, 8)."""

    mean: Array
    covariance: Array

    def __len__(self) -> int:
        return len(self.mean)

    def __getitem__(self, rows: slice | Mask | npt.NDArray[np.intp]) -> State:
        return State(self.mean[rows], self.covariance[rows])

    @classmethod
    def stack(cls, states: Sequence[State]) -> State:
        """One after the other; none gives a state of no objects."""
        return cls(
            np.concatenate([np.empty((0, 8)), *(state.mean for state in states)]),
            np.concatenate([np.empty((0, 8, 8)), *(state.covariance for state in states)]),
        )

    def boxes(self) -> Array:
        """(N, 4) xyxy; sides are at least LEAST_SIDE, whatever the speeds made of them."""
        centre, half = self.mean[:, :2], np.maximum(self.mean[:, 2:4], LEAST_SIDE) / 2
        return np.concatenate([centre - half, centre + half], 1)


def to_cxcywh(boxes: Array) -> Array:
    """(N, 4) xyxy → the measurement z, (N, 4) centre and size."""
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], 1)


def begin(boxes: Array) -> State:
    """The state of objects seen for the first time, at (N, 4) xyxy, standing still as far as is known."""
    z = to_cxcywh(boxes)
    sides = _sides(z[:, 2:])
    deviation = np.concatenate([POSITION_NOISE * sides, NEWBORN_SPEED * sides], 1)
    return State(np.concatenate([z, np.zeros_like(z)], 1), _diagonal(deviation))


def predict(state: State, seen: Mask) -> State:
    """A step on: x = F x, P = F P Fᵀ + Q.

    `seen` (N,) tells which objects were found in the last step. The others keep their size: an object that is out of
    sight does not shrink or grow on and on.
    """
    mean = state.mean.copy()
    mean[~seen, 6:] = 0
    sides = _sides(mean[:, 2:4])
    q = _diagonal(np.concatenate([POSITION_NOISE * sides, SPEED_NOISE * sides], 1))
    return State(mean @ _F.T, _F @ state.covariance @ _F.T + q)


def update(state: State, boxes: Array) -> State:
    """What is believed after object i was found at `boxes[i]`, (N, 4) xyxy."""
    mean, s = _project(state)
    gain = np.linalg.solve(s, _H @ state.covariance).transpose(0, 2, 1)  # K = P Hᵀ S⁻¹, as S and P are symmetric
    correction = np.einsum("nij,nj->ni", gain, to_cxcywh(boxes) - mean)
    return State(state.mean + correction, state.covariance - gain @ s @ gain.transpose(0, 2, 1))


def squared_mahalanobis(state: State, boxes: Array) -> Array:
    """(N, M): how far each of M boxes, (M, 4) xyxy, lies from where each object is expected.

    d² = (z - Hx)ᵀ S⁻¹ (z - Hx), equation (1) of DeepSORT (arXiv 1703.07402); χ² with 4 degrees of freedom.
    """
    mean, s = _project(state)
    offset = to_cxcywh(boxes)[None] - mean[:, None]
    whitened = np.linalg.solve(np.linalg.cholesky(s), offset.transpose(0, 2, 1))
    distance: Array = (whitened**2).sum(1)
    return distance


def _project(state: State) -> tuple[Array, Array]:
    """Where the boxes are expected: H x (N, 4) and S = H P Hᵀ + R (N, 4, 4)."""
    r = _diagonal(POSITION_NOISE * _sides(state.mean[:, 2:4]))
    return state.mean[:, :4], state.covariance[:, :4, :4] + r


def _sides(sizes: Array) -> Array:
    """(N, 2) w h → (N, 4) w h w h: the side that each of cx, cy, w, h is measured by."""
    return np.tile(np.maximum(sizes, LEAST_SIDE), 2)


def _diagonal(deviation: Array) -> Array:
    """(N, K) standard deviations → (N, K, K) covariances."""
    variance: Array = deviation[:, :, None] ** 2 * np.eye(deviation.shape[1])
    return variance
