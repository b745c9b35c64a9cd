"""Which labelled object each detected box shows."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import box_iou

IOU = 0.5  # from which a box shows an object, as in CLEAR MOT and AP50


def match(found: Tensor, true: Tensor, *, iou: float = IOU) -> Tensor:
    """Boxes (N, 4) best first and labelled ones (M, 4), xyxy → (N,) int64: the row of the object each shows, or -1.

    The best box comes first, and takes the free object that it overlaps most; each object is shown once.
    """
    rows = torch.full((len(found),), -1)
    if not len(found) or not len(true):
        return rows
    overlap = box_iou(found.double(), true.double())
    for n, row in enumerate(overlap):
        best = int(row.argmax())
        if row[best] >= iou:
            rows[n] = best
            overlap[:, best] = -1
    return rows
