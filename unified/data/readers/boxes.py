"""The objects that a reader finds, one by one, and how they become the flat arrays of a split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unified.data.annotations import Rows
from unified.data.fields import Fault

ROUNDING = 0.5  # pixels by which a box may leave its picture unmentioned

Corners = tuple[float, float, float, float]  # x1 y1 x2 y2


class Row(NamedTuple):
    """One object, checked."""

    picture: int
    box: Corners  # pixels, within the picture
    category: int
    entry: int  # its place in the file, see `Origins`
    identity: int = -1
    crowd: bool = False
    area: float | None = None  # None: that of the box


def clip(box: Corners, size: tuple[int, int], got: str) -> tuple[Corners, Fault | None]:
    """The part of a box within its picture of `size` (width, height), and a note where more than rounding was cut off.

    `got` is the box as its file has it, for messages. Raises Fault for a box without a part in the picture.
    """
    (x1, y1, x2, y2), (width, height) = box, size
    cut = max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))
    if cut[2] <= cut[0] or cut[3] <= cut[1]:
        raise Fault("box outside", f"{got} lies wholly outside its picture of {width}x{height} pixels")
    if max(cut[0] - x1, cut[1] - y1, x2 - cut[2], y2 - cut[3]) > ROUNDING:
        return cut, Fault("box clipped", f"{got} was clipped to its picture of {width}x{height}")
    return cut, None


def pack(found: Sequence[Row], pictures: int) -> tuple[NDArray[np.int64], Rows, NDArray[np.int64]]:
    """Offsets by picture, the rows in order of their pictures, and their entries."""
    ordered = sorted(found, key=lambda row: row.picture)
    boxes = np.array([row.box for row in ordered], dtype=np.float64).reshape(-1, 4)
    own = (boxes[:, 2:] - boxes[:, :2]).prod(1).tolist()
    area = [whole if row.area is None else row.area for row, whole in zip(ordered, own, strict=True)]
    offsets = np.searchsorted(np.array([row.picture for row in ordered], dtype=np.int64), np.arange(pictures + 1))
    rows = Rows(
        boxes=boxes,
        categories=np.array([row.category for row in ordered], dtype=np.int64),
        identities=np.array([row.identity for row in ordered], dtype=np.int64),
        crowd=np.array([row.crowd for row in ordered], dtype=np.bool_),
        area=np.array(area, dtype=np.float64),
    )
    return offsets, rows, np.array([row.entry for row in ordered], dtype=np.int64)
