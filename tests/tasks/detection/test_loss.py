"""The loss: against a plain loop, against the published code, and what must not count."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from tasks.detection import Detection
from tasks.detection.assign import assign
from tasks.detection.loss import DetectionLoss, level_balance, scaled_gains
from unified.errors import ConfigError
from unified.ops.boxes import cxcywh_to_xyxy, matched_overlap
from unified.task import Target

ANCHORS = torch.tensor([[[12.0, 16], [19, 36]], [[36, 75], [76, 55]]], dtype=torch.float64)
STRIDES = (8, 16)
SHAPES = [(12, 16), (6, 8)]  # of 128 × 96 pixels


def make_raw(classes: int = 3, batch: int = 2, seed: int = 0) -> list[Tensor]:
    g = torch.Generator().manual_seed(seed)
    return [torch.randn(batch, 2 * (5 + classes), h, w, generator=g, dtype=torch.float64) * 2 for h, w in SHAPES]


def make_target(rows: list[tuple[int, int, float, float, float, float]], batch: int = 2) -> Target:
    """Rows of (image, category, x, y, w, h), centre and size in pixels."""
    table = torch.tensor(rows, dtype=torch.float64).reshape(-1, 6)
    return {
        "labelled": torch.ones(batch, dtype=torch.bool),
        "boxes": cxcywh_to_xyxy(table[:, 2:]),
        "categories": table[:, 1].long(),
        "image": table[:, 0].long(),
        "crowd": torch.zeros(0, 4),
        "crowd_image": torch.zeros(0).long(),
    }


# Apart from each other, so that no cell answers for two.
ROWS = [(0, 0, 20.0, 30.0, 14.0, 20.0), (0, 2, 90.0, 60.0, 50.0, 60.0), (1, 1, 64.5, 40.5, 30.0, 30.0)]


def make_loss(**options: Any) -> DetectionLoss:
    return DetectionLoss(**{"strides": STRIDES, "balance": (4.0, 1.0)} | options)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def cross_entropy(logit: float, wanted: float) -> float:
    p = sigmoid(logit)
    return -wanted * math.log(p) - (1 - wanted) * math.log(1 - p)


def naive_loss(raw: list[Tensor], target: Target, balance: tuple[float, ...]) -> dict[str, float]:
    """The loss of positives that share no cell, cell by cell in plain Python."""
    total = {"box": 0.0, "obj": 0.0, "cls": 0.0}
    assigned = assign(target["boxes"], target["image"], ANCHORS, strides=STRIDES, shapes=SHAPES, anchor_t=4.0)
    for level, (maps, positives) in enumerate(zip(raw, assigned, strict=True)):
        batch, _, h, w = maps.shape
        values = maps.view(batch, 2, -1, h, w).permute(0, 1, 3, 4, 2).tolist()
        wanted: dict[tuple[int, ...], float] = {}
        box, cls = [], []
        for p in range(len(positives)):
            b, a, r, c = (int(index[p]) for index in positives.cell)
            channels = values[b][a][r][c]
            aw, ah = (ANCHORS[level, a] / STRIDES[level]).tolist()
            x, y = 2 * sigmoid(channels[0]) - 0.5, 2 * sigmoid(channels[1]) - 0.5
            predicted = [x, y, (2 * sigmoid(channels[2])) ** 2 * aw, (2 * sigmoid(channels[3])) ** 2 * ah]
            ciou = float(matched_overlap(torch.tensor([predicted], dtype=torch.float64), positives.box[p : p + 1]))
            box.append(1 - ciou)
            wanted[b, a, r, c] = max(ciou, 0)
            category = int(target["categories"][positives.object[p]])
            cls += [cross_entropy(logit, k == category) for k, logit in enumerate(channels[5:])]
        obj = [
            cross_entropy(values[b][a][r][c][4], wanted.get((b, a, r, c), 0))
            for b in range(batch)
            for a in range(2)
            for r in range(h)
            for c in range(w)
        ]
        total["box"] += sum(box) / max(len(box), 1)
        total["obj"] += balance[level] * sum(obj) / len(obj)
        total["cls"] += sum(cls) / max(len(cls), 1)
    return total


def assert_parts(found: dict[str, Tensor], expected: dict[str, float], tolerance: float = 1e-9) -> None:
    assert {part: value.item() for part, value in found.items()} == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], []], ids=["three boxes", "one box", "none"])
def test_loss_equals_a_plain_loop(rows: list[tuple[int, int, float, float, float, float]]) -> None:
    raw, target = make_raw(), make_target(rows)
    assert_parts(make_loss()(raw, target, ANCHORS), naive_loss(raw, target, (4.0, 1.0)))


def test_all_options_off_or_neutral_change_nothing() -> None:
    raw, target = make_raw(), make_target(ROWS)
    neutral = make_loss(gr=1.0, label_smoothing=0.0, focal_gamma=0.0, ignore_crowd=False, overlap="ciou")
    assert neutral(raw, target, ANCHORS) == make_loss()(raw, target, ANCHORS)


def test_pictures_without_labels_neither_train_nor_penalise() -> None:
    raw, target = make_raw(batch=2), make_target(ROWS)
    alone = make_loss()(raw, target, ANCHORS)
    both = [torch.cat([level, torch.full_like(level, 50)]).requires_grad_() for level in raw]
    target["labelled"] = torch.tensor([True, True, False, False])

    mixed = make_loss()(both, target, ANCHORS)
    torch.stack(list(mixed.values())).sum().backward()

    assert_parts(mixed, {part: value.item() for part, value in alone.items()})
    for level in both:
        assert level.grad is not None
        assert level.grad[:2].abs().sum() > 0
        assert level.grad[2:].abs().sum() == 0


def test_a_batch_without_labels_has_no_loss() -> None:
    target = make_target([])
    target["labelled"][:] = False
    assert make_loss()(make_raw(), target, ANCHORS) == {}


def test_without_objects_every_part_is_finite_and_in_the_graph() -> None:
    raw = [level.requires_grad_() for level in make_raw()]
    parts = make_loss()(raw, make_target([]), ANCHORS)
    assert parts["box"] == parts["cls"] == 0
    for value in parts.values():
        gradients = torch.autograd.grad(value, raw, retain_graph=True)
        assert all(gradient.isfinite().all() for gradient in gradients)


def test_a_single_class_has_no_class_part() -> None:
    rows = [(image, 0, *box) for image, _, *box in ROWS]
    parts = make_loss()(make_raw(classes=1), make_target(rows), ANCHORS)  # type: ignore[arg-type]
    assert set(parts) == {"box", "obj"}


def test_of_boxes_that_share_a_cell_the_best_overlap_is_the_objectness_target() -> None:
    """Whatever their order: the twin that fits raises the target, the other cannot lower it."""
    raw = make_raw()
    boxes = [(0, 0, 20.0, 30.0, 14.0, 20.0), (0, 0, 20.0, 30.0, 30.0, 40.0)]
    there, back = (make_loss()(raw, make_target(rows), ANCHORS) for rows in (boxes, boxes[::-1]))
    assert_parts(there, {part: value.item() for part, value in back.items()})


def test_cells_inside_a_crowd_carry_no_objectness_loss_unless_they_are_positive() -> None:
    raw, target = make_raw(), make_target(ROWS)
    target |= {"crowd": torch.tensor([[0.0, 0, 128, 96]]), "crowd_image": torch.tensor([1])}
    leaves = [level.requires_grad_() for level in raw]

    make_loss()(leaves, target, ANCHORS)["obj"].backward()

    assigned = assign(target["boxes"], target["image"], ANCHORS, strides=STRIDES, shapes=SHAPES, anchor_t=4.0)
    for level, positives in zip(leaves, assigned, strict=True):
        assert level.grad is not None
        objectness = level.grad.view(2, 2, -1, *level.shape[-2:])[:, :, 4]
        assert (objectness[0] != 0).all()
        expected = torch.zeros_like(objectness, dtype=torch.bool)
        expected[positives.cell] = True
        assert torch.equal(objectness[1] != 0, expected[1])
    counted = make_loss(ignore_crowd=False)(raw, target, ANCHORS)
    assert_parts(counted, {part: v.item() for part, v in make_loss()(raw, make_target(ROWS), ANCHORS).items()})


def test_label_smoothing_moves_the_class_targets() -> None:
    raw, target = make_raw(), make_target(ROWS[:1])
    plain, smooth = (make_loss(label_smoothing=eps)(raw, target, ANCHORS)["cls"].item() for eps in (0.0, 0.2))
    positives = assign(target["boxes"], target["image"], ANCHORS, strides=STRIDES, shapes=SHAPES, anchor_t=4.0)
    shift = 0.0
    for maps, found in zip(raw, positives, strict=True):
        logits = maps.view(2, 2, -1, *maps.shape[-2:])[found.image, found.anchor, 5:, found.row, found.column]
        # BCE(x, t) falls by x for every unit of t.
        shift += float((0.1 * logits[:, 0] - 0.1 * logits[:, 1:].sum(1)).sum()) / max(logits.numel(), 1)
    assert smooth == pytest.approx(plain + shift)


def test_gr_blends_the_objectness_target_with_one() -> None:
    raw, target = make_raw(), make_target(ROWS[:1])
    ends = [make_loss(gr=gr)(raw, target, ANCHORS)["obj"].item() for gr in (0.0, 0.5, 1.0)]
    assert ends[1] == pytest.approx((ends[0] + ends[2]) / 2)  # BCE is linear in its target


def test_focal_loss_is_the_paper_s() -> None:
    """Equation (5) of arXiv 1708.02002: α (1 - p)^γ for the true classes, (1 - α) p^γ for the others."""
    raw = [torch.full((1, 16, *shape), 0.7, dtype=torch.float64) for shape in SHAPES]
    found = make_loss(focal_gamma=1.5)(raw, make_target([], batch=1), ANCHORS)["obj"].item()
    p = sigmoid(0.7)
    assert found == pytest.approx(5 * 0.75 * p**1.5 * -math.log(1 - p))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_huge_boxes_and_saturated_logits_have_finite_loss_and_gradient(gamma: float) -> None:
    rows = [(0, 0, 64.0, 48.0, 1e4, 1e4), (0, 1, 64.0, 48.0, 40.0, 1.0), *ROWS]
    for fill in (-80.0, 0.0, 80.0):
        raw = [torch.full((2, 16, *shape), fill).requires_grad_() for shape in SHAPES]
        loss = torch.stack(list(make_loss(focal_gamma=gamma)(raw, make_target(rows), ANCHORS.float()).values())).sum()
        loss.backward()
        assert loss.isfinite()
        assert all(level.grad is not None and level.grad.isfinite().all() for level in raw)


def test_the_loss_is_computed_in_float32_under_autocast() -> None:
    raw = [level.bfloat16() for level in make_raw()]
    target = make_target(ROWS)
    expected = make_loss()([level.float() for level in raw], target, ANCHORS.float())
    with torch.autocast("cpu", torch.bfloat16):
        parts = make_loss()(raw, target, ANCHORS.float())
    for part, value in parts.items():
        assert value.dtype in (torch.float32, torch.float64)
        torch.testing.assert_close(value, expected[part])


def test_a_perfect_head_has_nearly_no_loss(detection: Detection, make_sample: Any) -> None:
    target = detection.encode([make_sample([(20, 20, 60, 80, 0), (100, 40, 180, 90, 2)]), make_sample([])])
    raw = [torch.randn(2, 24, 128 // stride, 192 // stride) for stride in (8, 16, 32)]
    parts = detection.loss(detection.perfect(target, raw), target)
    assert max(float(value) for value in parts.values()) < 2e-3


def test_gains_are_scaled_to_levels_and_classes() -> None:
    assert scaled_gains(0.05, 0.7, 0.3, levels=3, classes=80) == pytest.approx({"box": 0.05, "obj": 0.7, "cls": 0.3})
    four = scaled_gains(0.05, 1.0, 0.5, levels=4, classes=20)
    assert four == pytest.approx({"box": 0.0375, "obj": 1.0 * 0.75 * 1.4, "cls": 0.5 * 0.75 / 4})
    assert set(scaled_gains(0.05, 0.7, 0.3, levels=3, classes=1)) == {"box", "obj"}


def test_balance_needs_one_number_a_level() -> None:
    assert level_balance(None, 4) == (4.0, 1.0, 0.4, 0.1)
    assert level_balance([1, 2], 2) == (1, 2)
    with pytest.raises(ConfigError, match="3 numbers, but the trunk has 2 levels"):
        level_balance([1, 2, 3], 2)
    with pytest.raises(ConfigError, match="no published balance for 2 levels"):
        level_balance(None, 2)
