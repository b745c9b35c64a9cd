"""Mosaic-4 (YOLOv4, arXiv 2004.10934, §3.3): four pictures around a random point of a canvas of twice the input's side.

The canvas exists on paper only: each tile is known by its map onto it and by the part of the picture that lies within.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unified.data.paint import Box, Matrix

TILES = 4


@dataclass(frozen=True, slots=True)
class Tile:
    """Where one picture lies on the canvas."""

    matrix: Matrix  # original pixels → canvas
    visible: Box  # the part of the picture, in original pixels, that the canvas does not cut off


def lay_tiles(sizes: Sequence[tuple[int, int]], centre: tuple[int, int], size: int) -> list[Tile]:
    """Four pictures of `sizes` (width, height), top left, top right, bottom left, bottom right of `centre`.

    Each is scaled until its longer side has `size` pixels, and touches the centre with a corner. The canvas measures
    2·size; what reaches beyond is cut off.
    """
    return [_lay(picture, centre, size, right=k % 2 == 1, below=k >= 2) for k, picture in enumerate(sizes)]


def _lay(picture: tuple[int, int], centre: tuple[int, int], size: int, *, right: bool, below: bool) -> Tile:
    (w, h), (width, height) = picture, fit(picture, size)
    left, top = centre[0] - width * (not right), centre[1] - height * (not below)
    a, d = width / w, height / h
    visible = max(-left / a, 0), max(-top / d, 0), min((2 * size - left) / a, w), min((2 * size - top) / d, h)
    return Tile(np.array([[a, 0, left], [0, d, top], [0, 0, 1]]), visible)


def fit(picture: tuple[int, int], longest: int) -> tuple[int, int]:
    """(width, height) in whole pixels when the longer side becomes `longest`."""
    scale = longest / max(picture)
    return max(round(picture[0] * scale), 1), max(round(picture[1] * scale), 1)
