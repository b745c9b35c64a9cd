"""Which labelled object each detected box shows."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import box_iou

IOU = 0.5  # from which a box shows an object, as in CLEAR MOT and AP50
NOTHING, AGAIN = -1, -2  # instead of a row: shows no labelled object; shows one that a better box shows


def match(found: Tensor, true: Tensor, *, iou: float = IOU) -> Tensor:
    """Boxes (N, 4) best first and labelled ones (M, 4), xyxy → (N,) int64: the row of the object each shows.

    The best box comes first, and takes the free object that it overlaps most; each object is shown once. Boxes that
    show none are `NOTHING`; those that come too late, as one box found as two categories does, are `AGAIN`.
    """
    rows = torch.full((len(found),), NOTHING)
    if not len(found) or not len(true):
        return rows
    overlap = box_iou(found.double(), true.double())
    rows[(overlap >= iou).any(1)] = AGAIN
    for n, row in enumerate(overlap):
        best = int(row.argmax())
        if row[best] >= iou:
            rows[n] = best
            overlap[:, best] = -1
    return rows
