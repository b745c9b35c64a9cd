"""Boxes: formats, overlap row by row, suppression. Pure functions on float tensors (…, 4).

xyxy = corners x1 y1 x2 y2; cxcywh = centre and size; xywh = top-left corner and size, as in COCO files. The unit is the
caller's, as long as it is one.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor
from torchvision.ops import batched_nms

Overlap = Literal["iou", "giou", "diou", "ciou"]

EPS = 1e-9  # of the published YOLOR code


def xyxy_to_cxcywh(boxes: Tensor) -> Tensor:
    low, high = boxes[..., :2], boxes[..., 2:]
    return torch.cat([(low + high) / 2, high - low], -1)


def cxcywh_to_xyxy(boxes: Tensor) -> Tensor:
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([centre - half, centre + half], -1)


def xyxy_to_xywh(boxes: Tensor) -> Tensor:
    return torch.cat([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], -1)


def xywh_to_xyxy(boxes: Tensor) -> Tensor:
    return torch.cat([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], -1)


def matched_overlap(boxes: Tensor, others: Tensor, kind: Overlap = "ciou") -> Tensor:
    """Overlap of row i with row i: two (…, 4) cxcywh → (…,), 1 for equal boxes; value and gradient are always finite.

    iou is in [0, 1]; giou (arXiv 1902.09630) in [-1, 1]; diou and ciou (arXiv 1911.08287) go below zero for boxes that
    are apart. As in the published YOLOR code, EPS is added to heights and not to widths, and the trade-off α of ciou
    carries no gradient.
    """
    low1, high1 = cxcywh_to_xyxy(boxes).chunk(2, -1)
    low2, high2 = cxcywh_to_xyxy(others).chunk(2, -1)
    w1, h1 = _sides(low1, high1)
    w2, h2 = _sides(low2, high2)
    inter = (torch.minimum(high1, high2) - torch.maximum(low1, low2)).clamp(min=0).prod(-1)
    union = w1 * h1 + w2 * h2 - inter + EPS
    iou = inter / union
    if kind == "iou":
        return iou
    hull = torch.maximum(high1, high2) - torch.minimum(low1, low2)  # of the smallest box that holds both
    if kind == "giou":
        hull_area = hull.prod(-1) + EPS
        return iou - (hull_area - union) / hull_area
    distance = ((low2 + high2 - low1 - high1) ** 2).sum(-1) / 4 / ((hull**2).sum(-1) + EPS)
    if kind == "diou":
        return iou - distance
    v = (4 / math.pi**2) * (torch.atan(w2 / h2) - torch.atan(w1 / h1)) ** 2
    with torch.no_grad():
        # The clamp and EPS keep equal boxes finite in float32, where 1 - iou may round to zero or just below.
        alpha = v / ((1 - iou).clamp(min=0) + v + EPS)
    return iou - distance - alpha * v


def _sides(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    w, h = (high - low).unbind(-1)
    return w, h + EPS


def suppress(boxes: Tensor, scores: Tensor, labels: Tensor, iou: float) -> Tensor:
    """Indices kept by non-maximum suppression within each label, best score first.

    `boxes` (N, 4) xyxy; a box falls if its IoU with a better one of its label is above `iou`.
    """
    if not len(boxes):
        return labels.new_zeros(0)
    # batched_nms moves the boxes of each label away from the others: so far from 0 float32 loses parts of a pixel.
    exact = boxes if boxes.device.type == "mps" else boxes.double()
    kept: Tensor = batched_nms(exact - exact.min(), scores.to(exact.dtype), labels, iou)
    return kept
