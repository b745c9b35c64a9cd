"""Detections: JSON, COCO results, drawing, equality."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from PIL import Image

from tasks.detection.result import Detections
from unified.data.sample import Taxonomy
from unified.ops.canvas import Canvas

TAXONOMY = Taxonomy(("cat", "dog", "owl"), (1, 5, 7))


@pytest.fixture
def two() -> Detections:
    boxes = torch.tensor([[10.1, 20.0, 30.7, 60.33333], [0.0, 0.0, 5.5, 7.0]])
    return Detections.of(boxes, torch.tensor([0.9, 0.123456789]), torch.tensor([2, 0]), TAXONOMY)


@pytest.fixture
def none() -> Detections:
    return Detections.of(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0).long(), TAXONOMY)


def test_json_tells_each_detection_in_short_exact_numbers(two: Detections) -> None:
    first = two.to_json()[0]
    assert first == {"name": "owl", "score": 0.9, "box": [10.1, 20.0, 30.7, 60.33333], "label": 2, "category_id": 7}


def test_results_survive_json(two: Detections, none: Detections) -> None:
    for result in (two, none):
        again = Detections.from_json(json.loads(json.dumps(result.to_json(), allow_nan=False)))
        assert again == result
        assert (again.boxes.dtype, again.labels.dtype) == (torch.float32, torch.int64)


def test_random_numbers_survive_json_to_the_last_bit() -> None:
    g = torch.Generator().manual_seed(0)
    boxes, scores = torch.rand(200, 4, generator=g) * 1e4, torch.rand(200, generator=g) ** 9
    result = Detections.of(boxes, scores, torch.zeros(200).long(), TAXONOMY)
    assert Detections.from_json(json.loads(json.dumps(result.to_json()))) == result


def test_equal_means_every_number(two: Detections, none: Detections) -> None:
    assert two == replace(two)
    assert two != replace(two, scores=two.scores + 1e-3)
    assert two != replace(two, names=("owl", "dog"))
    assert two != none
    assert two != "two"


def test_coco_results_hold_xywh_in_three_digits_and_scores_in_five(two: Detections, none: Detections) -> None:
    assert two.to_coco(42)[0] == {"image_id": 42, "category_id": 7, "bbox": [10.1, 20.0, 20.6, 40.333], "score": 0.9}
    assert two.to_coco("a")[1] == {"image_id": "a", "category_id": 1, "bbox": [0.0, 0.0, 5.5, 7.0], "score": 0.12346}
    assert none.to_coco(1) == []


def test_drawing_marks_the_picture(two: Detections, none: Detections) -> None:
    blank = Image.new("RGB", (64, 80), "white")
    for result, marked in ((two, True), (none, False)):
        canvas = Canvas(blank)
        result.draw(canvas)
        assert (canvas.picture().tobytes() != Canvas(blank).picture().tobytes()) == marked
