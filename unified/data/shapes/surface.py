"""The colours of an object at points of its own frame: texture and mark.

Frame as in `outlines`: the object fills the unit disc. Colours are sRGB in 0..1.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from unified.data.shapes.arrays import Grid, Mask
from unified.data.shapes.identity import Identity
from unified.data.shapes.vocabulary import COLOURS

_MARK_PLACE = {
    "circle": (0.0, 0.0, 0.33),
    "square": (0.0, 0.0, 0.31),
    "triangle": (0.0, 0.06, 0.22),
    "star": (0.0, 0.0, 0.23),
    "ring": (0.0, -0.78, 0.15),
    "cross": (0.0, 0.0, 0.24),
    "heart": (0.0, -0.14, 0.30),
    "crescent": (-0.70, 0.0, 0.20),
    "hexagon": (0.0, 0.0, 0.33),
    "arrow": (0.36, 0.0, 0.20),
}
"""Where a category has room for a mark: x, y and radius."""

_FIELD = 1.3
"""A mark lies on a disc of the main colour, this many times its radius, so that no texture hides it."""


def palette(identity: Identity) -> NDArray[np.floating]:
    """The object's three colours, main, second and mark: (3, 3), a row each."""
    names = (identity.colour, identity.second, identity.mark_colour)
    return np.asarray([COLOURS[name] for name in names], np.float32) / 255


def shares_at(identity: Identity, x: Grid, y: Grid) -> tuple[Grid, Grid]:
    """How much of the second colour and of the mark's colour shows at each point, 0..1; the rest is the main colour."""
    second = _second_share(identity, x, y)
    if identity.mark == "none":
        return second, np.zeros_like(second)
    mark_x, mark_y, radius = _MARK_PLACE[identity.category]
    mx, my = (x - mark_x) / radius, (y - mark_y) / radius
    second *= mx * mx + my * my > _FIELD**2
    return second, _in_mark(identity.mark, mx, my).astype(np.float32)


def _second_share(identity: Identity, x: Grid, y: Grid) -> Grid:
    """The second colour of the texture; less than half of the surface, but for `checkered`."""
    cos, sin = math.cos(identity.angle), math.sin(identity.angle)
    along, across = cos * x + sin * y, cos * y - sin * x
    period = identity.period
    u, v = along / period + identity.phase, across / period
    match identity.texture:
        case "striped":
            share = np.remainder(u, 1) < 0.40
        case "checkered":
            share = (np.floor(u * 1.25) + np.floor(v * 1.25)) % 2 == 0
        case "dotted":
            row = np.floor(v)
            du, dv = np.remainder(u + 0.5 * (row % 2), 1) - 0.5, v - row - 0.5
            share = du * du + dv * dv < 0.30**2
        case "mottled":
            share = _waves(u, v, identity.phase) > 0.6
        case "shaded":
            return np.clip(along * 0.75 + 0.3, 0, 1).astype(np.float32)
        case _:
            share = np.zeros(x.shape, np.bool_)
    return share.astype(np.float32)


def _waves(u: Grid, v: Grid, phase: float) -> Grid:
    """Irregular blots: the sum of plane waves in five directions, spread over the half circle, of uneven length."""
    total = np.zeros(u.shape, np.float32)
    for k in range(5):
        turn, length = math.pi * (k / 5 + phase), 4.5 + 0.7 * k
        along, across = (length * math.cos(turn)), (length * math.sin(turn))
        total += np.sin(along * u + across * v + (k * k))
    return total


def _in_mark(mark: str, x: Grid, y: Grid) -> Mask:
    """Which points lie in a mark that fills the unit disc."""
    match mark:
        case "dot":
            return x * x + y * y < 0.8**2
        case "bar":
            return (np.abs(x) < 1) & (np.abs(y) < 0.36)
        case "pair":
            return (np.abs(x) - 0.56) ** 2 + y * y < 0.42**2
        case "chevron":
            return (np.abs(y - np.abs(x) * 0.9 + 0.45) < 0.38) & (np.abs(x) < 0.95)
        case _:  # saltire
            return (np.minimum(np.abs(x + y), np.abs(x - y)) < 0.42) & (x * x + y * y < 1)
