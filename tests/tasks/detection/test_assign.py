"""Target assignment: against a plain loop, against the published code, and at borders."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tasks.detection.assign import Assignment, assign
from unified.ops.boxes import cxcywh_to_xyxy

ANCHORS = torch.tensor([[[12.0, 16], [19, 36]], [[36, 75], [76, 55]]], dtype=torch.float64)
STRIDES = (8, 16)
SHAPES = [(12, 16), (6, 8)]  # of 128 × 96 pixels


def naive_assign(boxes: Tensor, image: Tensor, level: int, anchor_t: float) -> list[tuple[float, ...]]:
    """(image, anchor, row, column, object, x, y, w, h) of one level by plain Python; `boxes` (N, 4) cxcywh pixels."""
    stride, (rows, columns) = STRIDES[level], SHAPES[level]
    found = []
    for n, box in enumerate(boxes.tolist()):
        x, y, w, h = (value / stride for value in box)
        cells = {(0.0, 0.0)}
        if x % 1 < 0.5 and x > 1:
            cells.add((-1.0, 0.0))
        if y % 1 < 0.5 and y > 1:
            cells.add((0.0, -1.0))
        if x % 1 > 0.5 and columns - x > 1:
            cells.add((1.0, 0.0))
        if y % 1 > 0.5 and rows - y > 1:
            cells.add((0.0, 1.0))
        for a, (aw, ah) in enumerate((ANCHORS[level] / stride).tolist()):
            if max(w / aw, aw / w, h / ah, ah / h) >= anchor_t:
                continue
            for dx, dy in cells:
                column = min(max(math.floor(x) + dx, 0), columns - 1)
                row = min(max(math.floor(y) + dy, 0), rows - 1)
                found.append((int(image[n]), a, int(row), int(column), n, x - column, y - row, w, h))
    return sorted(found)


def as_rows(positives: Assignment) -> list[tuple[float, ...]]:
    indices = torch.stack([*positives.cell, positives.object], 1).tolist()
    return sorted((*i, *b) for i, b in zip(indices, positives.box.tolist(), strict=True))


def assert_same(found: list[tuple[float, ...]], expected: list[tuple[float, ...]]) -> None:
    assert len(found) == len(expected)
    torch.testing.assert_close(torch.tensor(found).double(), torch.tensor(expected).double(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("anchor_t", [4.0, 2.0])
def test_assignment_equals_a_plain_loop(seed: int, anchor_t: float) -> None:
    g = torch.Generator().manual_seed(seed)
    centre = torch.rand(40, 2, generator=g, dtype=torch.float64) * torch.tensor([128, 96])
    size = torch.exp(torch.rand(40, 2, generator=g, dtype=torch.float64) * 4 + 1)
    boxes, image = torch.cat([centre, size], 1), torch.randint(3, (40,), generator=g)

    levels = assign(cxcywh_to_xyxy(boxes), image, ANCHORS, strides=STRIDES, shapes=SHAPES, anchor_t=anchor_t)

    for level, positives in enumerate(levels):
        assert_same(as_rows(positives), naive_assign(boxes, image, level, anchor_t))


@pytest.mark.parametrize("centre", [(0, 0), (128, 96), (64, 48), (60, 44), (3, 3), (127, 1), (124, 92)])
def test_centres_on_borders_and_cell_boundaries_equal_a_plain_loop(centre: tuple[float, float]) -> None:
    boxes, image = torch.tensor([[*centre, 20.0, 30.0]], dtype=torch.float64), torch.zeros(1, dtype=torch.long)

    levels = assign(cxcywh_to_xyxy(boxes), image, ANCHORS, strides=STRIDES, shapes=SHAPES, anchor_t=4.0)

    for level, positives in enumerate(levels):
        assert len(positives)
        assert_same(as_rows(positives), naive_assign(boxes, image, level, 4.0))


def test_every_positive_can_be_reached_by_the_decoding() -> None:
    g = torch.Generator().manual_seed(1)
    centre = torch.rand(100, 2, generator=g) * torch.tensor([128, 96])
    boxes = cxcywh_to_xyxy(torch.cat([centre, torch.rand(100, 2, generator=g) * 60 + 4], 1))
    for level, positives in enumerate(
        assign(boxes, torch.zeros(100).long(), ANCHORS, strides=STRIDES, shapes=SHAPES, anchor_t=4.0)
    ):
        offset, size = positives.box[:, :2], positives.box[:, 2:]
        assert offset.min() >= -0.5
        assert offset.max() <= 1.5
        assert (size < 4 * ANCHORS[level, positives.anchor] / STRIDES[level]).all()


@pytest.mark.parametrize("size", [(0.0, 0.0), (1.0, 0.0), (1e-9, 20.0), (1e6, 1e6)])
def test_boxes_of_extreme_size_are_nobodys(size: tuple[float, float]) -> None:
    boxes = cxcywh_to_xyxy(torch.tensor([[64.0, 48.0, *size]]))
    levels = assign(boxes, torch.zeros(1).long(), ANCHORS, strides=STRIDES, shapes=SHAPES, anchor_t=4.0)
    assert [len(positives) for positives in levels] == [0, 0]


def test_no_boxes_no_positives() -> None:
    empty = torch.zeros(0)
    for positives in assign(empty.view(0, 4), empty.long(), ANCHORS, strides=STRIDES, shapes=SHAPES, anchor_t=4.0):
        assert len(positives) == 0
        assert positives.box.shape == (0, 4)


def test_assignment_equals_the_published_code(parity: Path) -> None:
    """Where its branches differ, on centres on a cell boundary, `main` is followed."""
    golden = json.loads((parity / "loss_yolor_csp.json").read_text())
    height, width = golden["input"]["shape"][2:]
    shapes = [tuple(shape[2:4]) for shape in golden["raw_shapes"]]
    anchors = torch.tensor(golden["anchors"], dtype=torch.float64)
    for case in golden["cases"]:
        expected = case["expected"] if case["branches_agree"] else case["expected"]["main (D)"]
        rows = torch.tensor(case["targets"], dtype=torch.float64).reshape(-1, 6)
        boxes = cxcywh_to_xyxy(rows[:, 2:] * torch.tensor([width, height, width, height]))

        found = assign(boxes, rows[:, 0].long(), anchors, strides=golden["strides"], shapes=shapes, anchor_t=4.0)

        for positives, level in zip(found, expected["levels"], strict=True):
            category = rows[positives.object, 1:2].double()
            assigned = torch.cat([torch.stack(positives.cell, 1), category, positives.box], 1)
            assert len(assigned) == level["positives"], case["name"]
            wanted = sorted(row[:9] for row in level["assigned"])
            assert_same(sorted(map(tuple, assigned.tolist())), wanted)
