"""The picture as it is, fitted into a square: what evaluation and prediction see."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from unified.data.paint import blank, paint
from unified.data.pipeline import Draw, View
from unified.data.shelf import Shelf
from unified.data.transforms import map_boxes
from unified.ops.frame import Frame


class Letterbox:
    """A pipeline without chance: scaled by one factor, centred, on grey."""

    partners = 0
    longest = None

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, shelf: Shelf, draw: Draw) -> View:
        picture = shelf.picture(draw.index)
        height, width, _ = picture.shape
        frame = Frame.letterbox((width, height), (self.size, self.size))
        annotations = shelf.dataset.annotations
        rows = annotations.objects_of(draw.index)
        rows = rows.at(map_boxes(rows.boxes, np.array([*frame.matrix, (0, 0, 1)])))
        captions, tags = annotations.captions_of(draw.index), annotations.tags_of(draw.index)
        tasks = shelf.dataset.tasks_of(draw.index)
        return View(draw_letterbox(picture, frame), rows, captions, frame, tags, tasks)


def draw_letterbox(picture: Tensor, frame: Frame) -> Tensor:
    """The picture (H, W, 3) uint8 RGB under its frame, (height, width, 3), grey where there is none of it."""
    height, width, _ = picture.shape
    canvas = blank(frame.input_size)
    paint(canvas, picture, np.array([*frame.matrix, (0, 0, 1)]), (0, 0, width, height))
    return canvas
