"""The picture as it is, fitted into a square: what evaluation and prediction see."""

from __future__ import annotations

import numpy as np
from PIL import Image

from unified.data.paint import paint
from unified.data.picture import FILL
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
        frame = Frame.letterbox(picture.size, (self.size, self.size))
        annotations = shelf.dataset.annotations
        rows = annotations.objects_of(draw.index)
        rows = rows.at(map_boxes(rows.boxes, np.array([*frame.matrix, (0, 0, 1)])))
        return View(draw_letterbox(picture, frame), rows, annotations.captions_of(draw.index), frame)


def draw_letterbox(picture: Image.Image, frame: Frame) -> Image.Image:
    """The RGB picture under its frame, grey where there is none of it."""
    canvas = Image.new("RGB", frame.input_size, FILL)
    paint(canvas, picture, np.array([*frame.matrix, (0, 0, 1)]), (0, 0, *picture.size))
    return canvas
