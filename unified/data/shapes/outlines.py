"""The outline of each category as a test of points.

Frame: x right, y down, the object fills the unit disc around (0, 0). `build` in 0..1 varies a proportion of the outline
from one identity to the next (thickness of a ring, sharpness of a star) and never leaves the category.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from unified.data.shapes.arrays import Grid, Mask


def inside(category: str, x: Grid, y: Grid, build: float) -> Mask:
    """Which of the points (x, y) lie in an object of `category`."""
    return _OUTLINES[category](x, y, build)


def _between(build: float, low: float, high: float) -> float:
    return low + build * (high - low)


def _star_polygon(x: Grid, y: Grid, points: int, waist: float) -> Mask:
    """Star with `points` tips on the unit circle, one upwards, and its notches at radius `waist`.

    With `waist` = cos(π / points) the notches lie on the edges: the regular polygon.
    """
    half = math.pi / points
    angle = np.arctan2(x, -y)
    folded = np.abs(np.remainder(angle + half, 2 * half) - half)  # 0 at a tip, `half` at a notch
    radius = np.hypot(x, y)
    along, across = radius * np.cos(folded), radius * np.sin(folded)  # from the middle to the tip, and beside it
    notch_along, notch_across = waist * math.cos(half), waist * math.sin(half)
    within: Mask = (along - 1) * notch_across < across * (notch_along - 1)
    return within


def _circle(x: Grid, y: Grid, build: float) -> Mask:
    return x * x + y * y < 1


def _square(x: Grid, y: Grid, build: float) -> Mask:
    corner = _between(build, 0.0, 0.12)  # radius of the rounded corners
    dx, dy = (np.maximum(np.abs(side) - (0.76 - corner), 0) for side in (x, y))
    within: Mask = dx * dx + dy * dy < max(corner, 1e-3) ** 2
    return within


def _triangle(x: Grid, y: Grid, build: float) -> Mask:
    return _star_polygon(x / _between(build, 0.86, 1.0), y, 3, math.cos(math.pi / 3))


def _star(x: Grid, y: Grid, build: float) -> Mask:
    return _star_polygon(x, y, 5, _between(build, 0.40, 0.54))


def _ring(x: Grid, y: Grid, build: float) -> Mask:
    squared = x * x + y * y
    return (squared < 1) & (squared > _between(build, 0.45, 0.62) ** 2)


def _cross(x: Grid, y: Grid, build: float) -> Mask:
    arm = _between(build, 0.28, 0.38)
    a, b = np.abs(x), np.abs(y)
    return (np.minimum(a, b) < arm) & (np.maximum(a, b) < 0.94)


def _heart(x: Grid, y: Grid, build: float) -> Mask:
    wide, high = x * _between(build, 1.18, 1.30), 0.15 - y * 1.18
    round_part = wide * wide + high * high - 1
    within: Mask = round_part * round_part * round_part < wide * wide * high * high * high
    return within


def _crescent(x: Grid, y: Grid, build: float) -> Mask:
    bite = x - _between(build, 0.36, 0.50)
    return (x * x + y * y < 1) & (bite * bite + y * y > 0.8**2)


def _hexagon(x: Grid, y: Grid, build: float) -> Mask:
    return _star_polygon(x, y, 6, math.cos(math.pi / 6))


def _arrow(x: Grid, y: Grid, build: float) -> Mask:
    neck = _between(build, -0.08, 0.22)
    shaft = (x > -0.95) & (x <= neck) & (np.abs(y) < 0.29)
    head = (x > neck) & (np.abs(y) < (0.97 - x) * (0.74 / (0.97 - neck)))
    return shaft | head


_OUTLINES: dict[str, Callable[[Grid, Grid, float], Mask]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "ring": _ring,
    "cross": _cross,
    "heart": _heart,
    "crescent": _crescent,
    "hexagon": _hexagon,
    "arrow": _arrow,
}
