"""Where an object lies in an image, and the supersampled grid it is drawn on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unified.data.shapes.arrays import Grid, Mask

SUPERSAMPLES = 3
"""Points a pixel and axis; coverage, and so anti-aliasing, has this many squared steps."""


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Position, size and attitude, in image pixels (x right, y down, pixel (0, 0) covers 0..1 on both axes)."""

    x: float
    y: float
    radius: float
    angle: float
    """Turn in the image plane, radians."""
    aspect: float
    """Foreshortening of the object's own x axis, 0 < aspect <= 1."""

    @property
    def window(self) -> tuple[int, int, int, int]:
        """Whole-pixel box left, top, right, bottom (right and bottom exclusive) that holds the object."""
        return (
            math.floor(self.x - self.radius),
            math.floor(self.y - self.radius),
            math.ceil(self.x + self.radius),
            math.ceil(self.y + self.radius),
        )

    def local_grid(self) -> tuple[Grid, Grid]:
        """The window's subsamples in the object's frame (unit disc): x and y, each (SUPERSAMPLES·h, SUPERSAMPLES·w)."""
        left, top, right, bottom = self.window
        dx = (_subsamples(left, right) - self.x) / self.radius
        dy = (_subsamples(top, bottom) - self.y)[:, None] / self.radius
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        x = (cos * dx + sin * dy) / self.aspect
        y = cos * dy - sin * dx
        return x.astype(np.float32), y.astype(np.float32)


def per_pixel(samples: Grid | Mask) -> Grid:
    """Mean over each pixel's subsamples: (S·h, S·w) → (h, w)."""
    s = SUPERSAMPLES
    total = np.zeros((samples.shape[0] // s, samples.shape[1] // s), np.float32)
    for row in range(s):
        for column in range(s):
            total += samples[row::s, column::s]
    return total / (s * s)


def _subsamples(start: int, stop: int) -> NDArray[np.floating]:
    return start + (np.arange((stop - start) * SUPERSAMPLES) + 0.5) / SUPERSAMPLES
