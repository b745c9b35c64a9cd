"""Boxes that cannot be meant, or hardly."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from unified.data.checks import kinds
from unified.data.checks.kinds import Kind
from unified.data.checks.split import Problem, Split, Target
from unified.data.transforms import LEAST_SIDE, MOST_ASPECT

COVERING = 0.99  # share of the picture from which on a box covers it
USUAL = 0.5  # share of the boxes from which on covering ones are the rule of a data set, say of faces cut out
SMALL_PICTURE = 16  # pixels a side, under which a box of one pixel is thinkable
AREA_SLACK = 1.01  # masks may reach over their box by rounding


def check_boxes(split: Split) -> Iterator[Problem]:
    """The boxes, kind by kind."""
    annotations = split.annotations
    rows, pictures = annotations.rows, _picture_of_rows(annotations.offsets)
    if not len(rows):
        return
    boxes, sizes = rows.boxes, annotations.sizes[pictures].astype(np.float64)
    sides = boxes[:, 2:] - boxes[:, :2]
    short, long, area = sides.min(1), sides.max(1), sides.prod(1)
    # Where the reader saw normalised numbers it made pixels of them, and a box of one pixel is a box.
    normalised = np.logical_and((boxes <= 1).all(1), (sizes >= SMALL_PICTURE).all(1))
    covering = (area >= COVERING * sizes.prod(1)) & ~rows.crowd
    if covering.mean() > USUAL:
        covering[:] = False
    large = rows.area > AREA_SLACK * area

    def problems(kind: Kind, wrong: NDArray[np.bool_], text: str) -> Iterator[Problem]:
        for row in np.flatnonzero(wrong).tolist():
            x1, y1, x2, y2 = boxes[row].tolist()
            width, height = sizes[row].tolist()
            box = f"x {x1:g} to {x2:g}, y {y1:g} to {y2:g} in a picture of {width:g}x{height:g} pixels"
            yield Problem(kind, f"{box}: {text}", Target.OBJECT, row)

    yield from problems(kinds.NORMALISED_BOX, normalised, "looks like shares of the picture; allowed: pixels")
    yield from problems(kinds.COVERING_BOX, covering, "covers all of it")
    yield from problems(kinds.THIN_BOX, (long > MOST_ASPECT * short) & ~rows.crowd, f"over {MOST_ASPECT:g} to 1")
    yield from problems(kinds.NARROW_BOX, (short < LEAST_SIDE) & ~normalised, f"under {LEAST_SIDE:g} pixels")
    yield from problems(kinds.AREA_TOO_LARGE, large, "its `area` is larger than the box")
    yield from _duplicates(split, pictures)


def _duplicates(split: Split, pictures: NDArray[np.int64]) -> Iterator[Problem]:
    rows = split.annotations.rows
    first: dict[tuple[object, ...], int] = {}
    columns = (pictures.tolist(), rows.categories.tolist(), rows.crowd.tolist(), map(tuple, rows.boxes.tolist()))
    for row, key in enumerate(zip(*columns, strict=True)):
        earlier = first.setdefault(key, row)
        if earlier != row:
            name = split.annotations.taxonomy.categories[key[1]]
            file, where, line = split.origins.of(key[0], earlier)
            spot = where or (f"line {line}" if line is not None else file)
            text = f"the same box of {name!r} as {spot}"
            yield Problem(kinds.DUPLICATE_BOX, text, Target.OBJECT, row)


def _picture_of_rows(offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) the picture that each row belongs to."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
