"""The raw maps of a head that makes no mistake: the inverse of decoding, for checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from unified.ops.boxes import xyxy_to_cxcywh
from unified.task import Target

from .anchors import size_ratio
from .assign import assign
from .decode import split_anchors
from .head import BOX, CLASSES, OBJECTNESS

SURE = 10.0  # logit of "yes": σ(10) = 0.99995
EDGE = 1e-6  # σ is kept this far from 0 and 1
WIDEST = 4.0  # (2σ)² < 4: how much larger than its anchor a decoded box can be


class Place(NamedTuple):
    """One anchor of one cell that could answer for an object."""

    ratio: float  # of the sizes, see `size_ratio`; the best places come first in sorted order
    object: int
    cell: tuple[int, int, int, int, int]  # level, image, anchor, row, column
    logits: Tensor  # (4,)


@torch.no_grad()
def perfect_maps(
    raw: Sequence[Tensor], target: Target, anchors: Tensor, *, strides: Sequence[int], anchor_t: float
) -> list[Tensor]:
    """Maps in the shapes of `raw` that decode to the boxes of `target`, and whose loss is small.

    An anchor of a cell can hold one box. First every box gets a place of its own where one is free, also a box that no
    anchor matches in training; then the other positives are filled in where they are free.
    """
    maps = [torch.full_like(split_anchors(level, anchors.shape[1]), -SURE) for level in raw]
    shapes = [(level.shape[-2], level.shape[-1]) for level in maps]
    places = sorted(_places(target, anchors, strides, shapes), key=lambda place: place.ratio)
    owner: dict[tuple[int, ...], Place] = {}
    placed: set[int] = set()
    for place in places:
        if place.object not in placed and place.cell not in owner:
            owner[place.cell] = place
            placed.add(place.object)
    for place in places:
        if place.ratio < anchor_t:
            owner.setdefault(place.cell, place)
    categories = target["categories"].tolist()
    for (level, image, anchor, row, column), place in owner.items():
        channels = maps[level][image, anchor, :, row, column]
        channels[:BOX] = place.logits
        channels[OBJECTNESS] = SURE
        channels[CLASSES + categories[place.object]] = SURE
    return [level.view_as(like) for level, like in zip(maps, raw, strict=True)]


def _places(
    target: Target, anchors: Tensor, strides: Sequence[int], shapes: Sequence[tuple[int, int]]
) -> Iterator[Place]:
    """All cells that would answer for an object if every anchor matched, as far as their anchor can reach its size."""
    anywhere = assign(target["boxes"], target["image"], anchors, strides=strides, shapes=shapes, anchor_t=float("inf"))
    ratios = size_ratio(xyxy_to_cxcywh(target["boxes"])[:, 2:], anchors)  # (L, A, N)
    for level, found in enumerate(anywhere):
        sizes = anchors[level, found.anchor] / strides[level]
        half_xy, quarter_wh = (found.box[:, :2] + 0.5) / 2, found.box[:, 2:] / sizes / WIDEST
        logits = torch.cat([half_xy, quarter_wh.sqrt()], 1).logit(EDGE)
        reachable = (quarter_wh < 1).all(1)
        ratio = ratios[level, found.anchor, found.object].tolist()
        cells = torch.stack(found.cell, 1).tolist()
        for i in reachable.nonzero().flatten().tolist():
            yield Place(ratio[i], int(found.object[i]), (level, *cells[i]), logits[i])
