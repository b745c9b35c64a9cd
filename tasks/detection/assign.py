"""Target assignment: which cells and anchors answer for which box (the rule of the YOLOR code, from YOLOv5).

An anchor is positive for a box of similar size: max(w/aw, aw/w, h/ah, ah/h) < anchor_t, each anchor for itself. It
answers in the cell that holds the box's centre, and in the nearer neighbours: left or right, and up or down.

Letters: L levels, A anchors a level, N boxes, P positives (an anchor of a cell, and the box it answers for).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unified.ops.boxes import xyxy_to_cxcywh

from .anchors import size_ratio


@dataclass(frozen=True, slots=True)
class Assignment:
    """The P positives of one level. A cell may answer for several boxes."""

    image: Tensor  # (P,) int64, as all indices
    anchor: Tensor
    row: Tensor
    column: Tensor
    object: Tensor  # row of the boxes that were assigned
    box: Tensor  # (P, 4) cxcywh in cells, the centre relative to the cell's top-left corner: in [-0.5, 1.5]

    def __len__(self) -> int:
        return len(self.image)

    @property
    def cell(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Index into a (B, A, H, W) map."""
        return self.image, self.anchor, self.row, self.column


def assign(
    boxes: Tensor,
    image: Tensor,
    anchors: Tensor,
    *,
    strides: Sequence[int],
    shapes: Sequence[tuple[int, int]],
    anchor_t: float,
) -> list[Assignment]:
    """Positives of every level, for `boxes` (N, 4) xyxy in input pixels on pictures `image` (N,).

    `anchors` (L, A, 2) in input pixels; `shapes` the (H, W) of the levels. Where the published branches differ, on
    centres exactly on a cell boundary, this follows `main`: the neighbour before the boundary answers too.
    """
    boxes = xyxy_to_cxcywh(boxes)
    similar = size_ratio(boxes[:, 2:], anchors) < anchor_t  # (L, A, N)
    levels = zip(similar, strides, shapes, strict=True)
    return [_assign_level(boxes / stride, image, matched, shape) for matched, stride, shape in levels]


def _assign_level(boxes: Tensor, image: Tensor, matched: Tensor, shape: tuple[int, int]) -> Assignment:
    """`boxes` (N, 4) cxcywh in cells, `matched` (A, N) bool."""
    h, w = shape
    size = boxes.new_tensor([w, h])
    centre = boxes[:, :2]
    fraction = centre % 1
    before = (fraction < 0.5) & (centre > 1)  # (N, 2): left, up
    after = (fraction > 0.5) & (centre < size - 1)  # right, down
    answers = torch.cat([torch.ones_like(image, dtype=torch.bool)[None], before.T, after.T])  # (5, N)
    # One look-up for neighbours and anchors together: on a GPU it is the only point that waits for the device.
    neighbour, anchor, index = (answers[:, None] & matched).nonzero(as_tuple=True)
    shift = boxes.new_tensor([[0.0, 0.0], [-0.5, 0.0], [0.0, -0.5], [0.5, 0.0], [0.0, 0.5]])
    box = boxes[index]
    cell = torch.minimum((box[:, :2] + shift[neighbour]).floor().clamp(min=0), size - 1)
    column, row = cell.long().unbind(1)
    relative = torch.cat([box[:, :2] - cell, box[:, 2:]], 1)
    return Assignment(image[index], anchor, row, column, index, relative)
