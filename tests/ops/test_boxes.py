"""Box formats, overlaps against a plain loop, suppression."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torchvision.ops import box_iou, complete_box_iou, distance_box_iou, generalized_box_iou, nms

from unified.ops.boxes import (
    Overlap,
    cxcywh_to_xyxy,
    matched_overlap,
    suppress,
    xywh_to_xyxy,
    xyxy_to_cxcywh,
    xyxy_to_xywh,
)

Convert = Callable[[Tensor], Tensor]
KINDS: tuple[Overlap, ...] = ("iou", "giou", "diou", "ciou")


def random_boxes(n: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """(n, 4) cxcywh; half of them near the diagonal, so that many pairs overlap."""
    g = torch.Generator().manual_seed(seed)
    return torch.cat([torch.rand(n, 2, generator=g) * 4, torch.rand(n, 2, generator=g) * 6 + 0.1], 1).to(dtype)


def naive_ciou(a: list[float], b: list[float]) -> float:
    """CIoU of two cxcywh boxes, equation (10) of arXiv 1911.08287, in plain Python."""
    ax1, ay1, ax2, ay2 = a[0] - a[2] / 2, a[1] - a[3] / 2, a[0] + a[2] / 2, a[1] + a[3] / 2
    bx1, by1, bx2, by2 = b[0] - b[2] / 2, b[1] - b[3] / 2, b[0] + b[2] / 2, b[1] + b[3] / 2
    inter = max(min(ax2, bx2) - max(ax1, bx1), 0) * max(min(ay2, by2) - max(ay1, by1), 0)
    iou = inter / (a[2] * a[3] + b[2] * b[3] - inter)
    diagonal = (max(ax2, bx2) - min(ax1, bx1)) ** 2 + (max(ay2, by2) - min(ay1, by1)) ** 2
    distance = (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2
    v = 4 / math.pi**2 * (math.atan(b[2] / b[3]) - math.atan(a[2] / a[3])) ** 2
    return iou - distance / diagonal - v * v / (1 - iou + v)


@pytest.mark.parametrize(("there", "back"), [(xyxy_to_cxcywh, cxcywh_to_xyxy), (xyxy_to_xywh, xywh_to_xyxy)])
def test_formats_turn_into_each_other_and_back(there: Convert, back: Convert) -> None:
    boxes = cxcywh_to_xyxy(random_boxes(50, 1))
    assert torch.allclose(back(there(boxes)), boxes)
    assert torch.allclose(there(torch.tensor([[1.0, 2, 5, 10]]))[:, 2:], torch.tensor([[4.0, 8]]))


def test_formats_keep_leading_dimensions() -> None:
    assert cxcywh_to_xyxy(torch.zeros(2, 3, 4)).shape == (2, 3, 4)
    assert xyxy_to_cxcywh(torch.zeros(0, 4)).shape == (0, 4)


def test_ciou_equals_the_plain_formula() -> None:
    a, b = random_boxes(300, 2), random_boxes(300, 3)
    expected = [naive_ciou(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    assert torch.allclose(matched_overlap(a, b), torch.tensor(expected).double(), atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_overlaps_equal_those_of_torchvision(kind: Overlap) -> None:
    """Against the pairwise functions of torchvision, whose eps differs: hence the tolerance."""
    pairwise = {"iou": box_iou, "giou": generalized_box_iou, "diou": distance_box_iou, "ciou": complete_box_iou}[kind]
    a, b = random_boxes(100, 4), random_boxes(100, 5)
    expected = pairwise(cxcywh_to_xyxy(a), cxcywh_to_xyxy(b)).diagonal()
    assert torch.allclose(matched_overlap(a, b, kind), expected, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_boxes_overlap_by_one(kind: Overlap, dtype: torch.dtype) -> None:
    boxes = random_boxes(200, 6, dtype)
    assert torch.allclose(matched_overlap(boxes, boxes, kind), torch.ones(200, dtype=dtype), atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "box",
    [(1.0, 1.0, 0.0, 0.0), (1.0, 1.0, 2.0, 0.0), (1.0, 1.0, 0.0, 2.0), (1.0, 1.0, 1e6, 1e-6), (2.0, 2.0, 3.0, 3.0)],
    ids=["point", "flat", "thin", "extreme", "equal to the target"],
)
def test_value_and_gradient_are_finite_for_any_box(kind: Overlap, box: tuple[float, ...]) -> None:
    boxes = torch.tensor([box], requires_grad=True)
    value = matched_overlap(boxes, torch.tensor([[2.0, 2.0, 3.0, 3.0]]), kind)
    value.sum().backward()
    assert value.isfinite().all()
    assert boxes.grad is not None
    assert boxes.grad.isfinite().all()


def test_suppression_is_within_labels_and_best_first() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 10], [20, 20, 30, 30]])
    scores = torch.tensor([0.5, 0.9, 0.7, 0.8])
    labels = torch.tensor([0, 0, 1, 0])
    assert suppress(boxes, scores, labels, 0.65).tolist() == [1, 3, 2]


def test_labels_do_not_meet_however_many_and_wherever_boxes_lie() -> None:
    corner = torch.tensor([[-10.0, -10, -1, -1], [-10, -10, -1, -1]])
    assert suppress(corner, torch.tensor([0.9, 0.8]), torch.tensor([0, 1]), 0.5).tolist() == [0, 1]
    generator = torch.Generator().manual_seed(0)
    low = torch.rand(600, 2, generator=generator) * 1270
    boxes = torch.cat([low, low + 1 + 9 * torch.rand(600, 2, generator=generator)], 1)
    scores, labels = torch.rand(600, generator=generator), torch.randint(1190, 1203, (600,), generator=generator)
    of_label = [torch.where(labels == label)[0] for label in labels.unique()]
    apart = [rows[nms(boxes[rows], scores[rows], 0.05)] for rows in of_label]
    assert sorted(suppress(boxes, scores, labels, 0.05).tolist()) == sorted(torch.cat(apart).tolist())


def test_nothing_to_suppress() -> None:
    assert suppress(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.long), 0.65).tolist() == []
