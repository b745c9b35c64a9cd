"""Augmentation for training: mosaic, affine map, mixup, colour, flips, in the order of the published YOLOR recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unified.data.annotations import Rows
from unified.data.audience import common
from unified.data.mosaic import TILES, lay_tiles
from unified.data.paint import Box, Matrix, blank, paint
from unified.data.pipeline import Draw, View
from unified.data.shelf import Shelf
from unified.data.transforms import flip_boxes, jitter_colour, mirror_caption, place, random_affine
from unified.ops.frame import Frame

_MIXUP_BETA = 8.0  # both parameters of the Beta distribution of the share of each picture


class Augment:
    """A pipeline for training at `size` x `size` pixels.

    `mosaic`, `mixup`, `fliplr` and `flipud` are probabilities; mixup lays a second mosaic over the first. `hsv_s`,
    `hsv_v` and `scale` are gains (0.1 = between 0.9 and 1.1), `hsv_h` is a share of the circle, `translate` one of the
    input; `degrees` and `shear` are degrees, both ways. A draw without partners makes no mosaic, nor mixup: that is how
    they are closed for the last epochs.
    """

    def __init__(
        self,
        size: int,
        *,
        mosaic: float = 1.0,
        mixup: float = 0.0,
        degrees: float = 0.0,
        translate: float = 0.1,
        scale: float = 0.5,
        shear: float = 0.0,
        hsv_h: float = 0.015,
        hsv_s: float = 0.7,
        hsv_v: float = 0.4,
        fliplr: float = 0.5,
        flipud: float = 0.0,
    ) -> None:
        self.size = size
        self.longest = size
        self.mosaic = mosaic
        self.mixup = mixup
        self.flips = {True: fliplr, False: flipud}
        self._affine = {"degrees": degrees, "translate": translate, "scale": scale, "shear": shear}
        self._colour = {"hue": hsv_h, "saturation": hsv_s, "value": hsv_v}

    @property
    def partners(self) -> int:
        if not self.mosaic:
            return 0
        return 2 * TILES - 1 if self.mixup else TILES - 1

    def __call__(self, shelf: Shelf, draw: Draw) -> View:
        rng = np.random.default_rng(draw.seed)
        if draw.partners and rng.random() < self.mosaic:
            view = self._mosaic(shelf, (draw.index, *draw.partners[: TILES - 1]), rng)
            if len(draw.partners) >= 2 * TILES - 1 and rng.random() < self.mixup:
                view = _mix(view, self._mosaic(shelf, draw.partners[TILES - 1 :], rng), rng)
        else:
            view = self._single(shelf, draw.index, rng)
        if any(self._colour.values()):
            view = replace(view, picture=jitter_colour(view.picture, rng, **self._colour))
        for horizontal, probability in self.flips.items():
            if rng.random() < probability:
                view = self._flip(view, horizontal=horizontal)
        return view

    def _single(self, shelf: Shelf, i: int, rng: np.random.Generator) -> View:
        annotations, size = shelf.dataset.annotations, self.size
        change = random_affine(rng, size, (size / 2, size / 2), **self._affine)
        frame = Frame.letterbox(annotations.size(i), (size, size)).then(_rows_of(change), (size, size))
        canvas = blank((size, size))
        matrix = np.array([*frame.matrix, (0, 0, 1)])
        rows = self._paint(canvas, shelf, i, matrix, (0, 0, *annotations.size(i)))
        captions, tags = annotations.captions_of(i), annotations.tags_of(i)
        # Tags stay: what they name is taken to be seen still, as the maps leave the middle of the picture in sight.
        return View(canvas, rows, captions, frame, tags, shelf.dataset.tasks_of(i))

    def _mosaic(self, shelf: Shelf, indices: Sequence[int], rng: np.random.Generator) -> View:
        size = self.size
        centre_x, centre_y = rng.integers(size // 2, size + size // 2, 2, endpoint=True).tolist()
        change = random_affine(rng, size, (size, size), **self._affine)
        tiles = lay_tiles([shelf.dataset.annotations.size(i) for i in indices], (centre_x, centre_y), size)
        canvas = blank((size, size))
        rows = [
            self._paint(canvas, shelf, i, change @ tile.matrix, tile.visible)
            for i, tile in zip(indices, tiles, strict=True)
        ]
        # No sentence is true of four pictures at once; tags are, of all of them together. And no object of one of them
        # may be taken for background: it is for the tasks that all four are labelled for.
        tags = join_tags([shelf.dataset.annotations.tags_of(i) for i in indices])
        return View(canvas, Rows.concatenate(rows), None, None, tags, common(map(shelf.dataset.tasks_of, indices)))

    def _paint(self, canvas: Tensor, shelf: Shelf, i: int, matrix: Matrix, visible: Box) -> Rows:
        """Put picture i onto the canvas and say which objects came with it; `matrix`, `visible`: of original pixels."""
        annotations, picture = shelf.dataset.annotations, shelf.picture(i)
        (height, width, _), (x1, y1, x2, y2), (w, h) = picture.shape, visible, annotations.size(i)
        a, b = width / w, height / h  # the shelf may hold it smaller
        paint(canvas, picture, matrix / (a, b, 1), (x1 * a, y1 * b, x2 * a, y2 * b))
        return place(annotations.objects_of(i), matrix, visible, self.size)

    def _flip(self, view: View, *, horizontal: bool) -> View:
        captions = view.captions
        if horizontal and captions is not None:
            captions = tuple(map(mirror_caption, captions))
        rows = view.rows.at(flip_boxes(view.rows.boxes, self.size, horizontal=horizontal))
        frame = view.frame
        if frame is not None:
            mirror = np.diag([-1.0, 1.0, 1.0] if horizontal else [1.0, -1.0, 1.0])
            mirror[0 if horizontal else 1, 2] = self.size
            frame = frame.then(_rows_of(mirror), (self.size, self.size))
        return View(view.picture.flip(1 if horizontal else 0), rows, captions, frame, view.tags, view.tasks)


def _mix(view: View, other: View, rng: np.random.Generator) -> View:
    """Mixup (arXiv 1710.09412): both pictures, seen through each other, and the objects of both."""
    share = rng.beta(_MIXUP_BETA, _MIXUP_BETA)
    picture = torch.lerp(view.picture.float(), other.picture.float(), share).byte()
    tags, tasks = join_tags([view.tags, other.tags]), common([view.tasks, other.tasks])
    return View(picture, Rows.concatenate([view.rows, other.rows]), None, view.frame, tags, tasks)


def join_tags(tags: Sequence[NDArray[np.bool_] | None]) -> NDArray[np.bool_] | None:
    """The categories that any of several pictures shows; None if one of them is not labelled, and might show more."""
    known = [row for row in tags if row is not None]
    return np.logical_or.reduce(known) if len(known) == len(tags) else None


def _rows_of(matrix: Matrix) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    (a, b, c), (d, e, f) = matrix[:2].tolist()
    return (a, b, c), (d, e, f)
