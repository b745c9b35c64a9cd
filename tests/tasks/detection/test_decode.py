"""Decoding: the formula, the order, what is kept, and the way back to original pixels."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tasks.detection.decode import Thresholds, decode_maps, detect
from tasks.detection.result import Detections
from unified.data.sample import Taxonomy
from unified.ops.boxes import cxcywh_to_xyxy
from unified.ops.frame import Frame

ANCHORS = torch.tensor([[[12.0, 16], [19, 36]], [[36, 75], [76, 55]]])
STRIDES = (8, 16)
SHAPES = [(6, 8), (3, 4)]  # of 64 × 48 pixels
FRAME = Frame.identity((64, 48))


def make_raw(classes: int = 3, batch: int = 2) -> list[Tensor]:
    g = torch.Generator().manual_seed(0)
    return [torch.randn(batch, 2 * (5 + classes), h, w, generator=g) * 2 for h, w in SHAPES]


def silent(classes: int = 3) -> list[Tensor]:
    """One picture in which nothing is found."""
    return [torch.full((1, 2 * (5 + classes), h, w), -12.0) for h, w in SHAPES]


def put(
    raw: list[Tensor], *, level: int = 0, anchor: int = 0, row: int = 2, column: int = 3,
    box: tuple[float, ...] = (0, 0, 0, 0), obj: float = 12, cls: tuple[float, ...] = (12, -12, -12),
) -> None:  # fmt: skip
    channels = 5 + len(cls)
    raw[level][0, anchor * channels : (anchor + 1) * channels, row, column] = torch.tensor([*box, obj, *cls])


def run(raw: list[Tensor], frame: Frame = FRAME, **limits: float) -> list[Detections]:
    classes = raw[0].shape[1] // 2 - 5
    taxonomy = Taxonomy(tuple(f"class {k}" for k in range(classes)), tuple(range(10, 10 + classes)))
    thresholds = replace(Thresholds(), **limits)  # type: ignore[arg-type]
    return detect(raw, ANCHORS, STRIDES, [frame] * len(raw[0]), taxonomy, thresholds)


def test_decoding_is_the_formula_level_by_level_anchor_by_anchor_row_by_row() -> None:
    raw = make_raw()
    decoded = decode_maps(raw, ANCHORS, STRIDES)
    assert decoded.shape == (2, 2 * (6 * 8 + 3 * 4), 8)
    n = 0
    for level, (h, w) in enumerate(SHAPES):
        for a in range(2):
            for row in range(h):
                for column in range(w):
                    s = raw[level][1, a * 8 : (a + 1) * 8, row, column].sigmoid()
                    corner, size = torch.tensor([column, row]), ANCHORS[level, a]
                    expected = torch.cat([(2 * s[:2] - 0.5 + corner) * STRIDES[level], (2 * s[2:4]) ** 2 * size, s[4:]])
                    torch.testing.assert_close(decoded[1, n], expected)
                    n += 1


def test_detections_are_the_decoded_rows_after_suppression() -> None:
    raw = make_raw()
    decoded = decode_maps(raw, ANCHORS, STRIDES)
    for found, rows in zip(run(raw, score=0.3, iou=1.0), decoded, strict=True):
        boxes = cxcywh_to_xyxy(rows[:, :4]).clamp(min=0).minimum(torch.tensor([64.0, 48, 64, 48]))
        visible = (boxes[:, 2:] > boxes[:, :2]).all(1)
        row, label = ((rows[:, 4:5] * rows[:, 5:] > 0.3) & visible[:, None]).nonzero(as_tuple=True)
        scores = rows[row, 4] * rows[row, 5 + label]
        order = scores.argsort(descending=True)
        torch.testing.assert_close(found.scores, scores[order])
        assert found.labels.tolist() == label[order].tolist()
        torch.testing.assert_close(found.boxes, boxes[row[order]])


def test_a_cell_becomes_a_box_in_original_pixels() -> None:
    """Half a pyramid of frames: the input is 64 × 48, the picture 128 × 64 under a grey border of 8 rows."""
    raw = silent()
    put(raw, row=2, column=3)  # centre (28, 20), the anchor's size 12 × 16
    (found,) = run(raw, Frame.letterbox((128, 64), (64, 48)))
    assert found.boxes.tolist() == [pytest.approx([44, 8, 68, 40])]
    assert (found.names, found.category_ids, found.labels.tolist()) == (("class 0",), (10,), [0])
    assert found.scores.item() == pytest.approx(1, abs=1e-4)


def test_one_box_may_be_several_classes() -> None:
    raw = silent()
    put(raw, cls=(2.0, 12.0, -12.0))
    (found,) = run(raw)
    assert found.labels.tolist() == [1, 0]
    assert found.boxes[0].equal(found.boxes[1])


def test_with_one_class_the_score_is_the_objectness() -> None:
    raw = silent(classes=1)
    put(raw, obj=0.0, cls=(-5.0,))
    assert run(raw)[0].scores.tolist() == [0.5]


def test_worse_boxes_of_the_same_class_are_suppressed() -> None:
    raw = silent()
    put(raw, column=3, box=(3, 0, 0, 0))
    put(raw, column=4, obj=1.0)  # nearly the same place
    put(raw, column=3, row=2, anchor=1, cls=(-12, 12, -12))  # another class
    assert sorted(run(raw)[0].labels.tolist()) == [0, 1]
    assert len(run(raw, iou=0.99)[0]) == 3


def test_limits_are_kept() -> None:
    raw = make_raw()
    every = run(raw, score=0.0)[0]
    assert (every.scores[:-1] >= every.scores[1:]).all()
    assert len(run(raw, max_detections=5)[0]) == 5
    best = run(raw, candidates=1)[0]
    assert best.boxes.equal(every.boxes[:1])
    assert run(raw, score=0.5)[0].scores.min() > 0.5
    assert len(run(raw, score=1.0)[0]) == 0


def test_boxes_in_the_border_alone_are_dropped() -> None:
    raw = silent()
    put(raw, row=0, column=3)  # y of -4 … 12; the picture starts at 16
    assert len(run(raw, Frame.letterbox((64, 16), (64, 48)))[0]) == 0


def test_low_precision_maps_are_decoded_in_float32() -> None:
    raw = [level.bfloat16() for level in make_raw()]
    decoded = decode_maps(raw, ANCHORS, STRIDES)
    assert decoded.dtype == torch.float32
    torch.testing.assert_close(decoded, decode_maps([level.float() for level in raw], ANCHORS, STRIDES))
    assert decode_maps([level.double() for level in raw], ANCHORS.double(), STRIDES).dtype == torch.float64
