from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.track.toys import Found, prediction
from unified.errors import DataError
from unified.task import Prediction
from unified.track import Detections


def test_a_predictions_boxes_and_vectors_are_found_by_their_names() -> None:
    found = Detections.of(prediction([[1, 2, 3, 4]], vectors=[[3.0, 4.0]]))
    assert found.boxes.tolist() == [[1, 2, 3, 4]] and found.names == ("person",)
    assert found.vectors is not None and found.vectors[0] == pytest.approx([0.6, 0.8])  # brought to length 1


def test_a_model_without_vectors_is_fine_and_vectors_may_be_left_aside() -> None:
    assert Detections.of(prediction([[1, 2, 3, 4]])).vectors is None
    assert Detections.of(prediction([[1, 2, 3, 4]], vectors=[[1.0]]), embedding=False).vectors is None
    assert len(Detections.of(prediction([]))) == 0


def test_rows_can_be_selected() -> None:
    found = Detections.of(prediction([[1, 2, 3, 4], [5, 6, 7, 8]], vectors=[[1.0, 0], [0, 1]]))
    kept = found.select(np.array([False, True]))
    assert kept.boxes.tolist() == [[5, 6, 7, 8]] and kept.vectors is not None and kept.vectors.tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("boxes", "changed", "message"),
    [
        ([[0, 0, 1, 1], [0, float("nan"), 1, 1]], {}, r"box 2 of 2 is \[0.0, nan, 1.0, 1.0\]; allowed: finite"),
        ([[0, 0, float("inf"), 1]], {}, "box 1 of 1 .* finite"),
        ([[5, 0, 1, 1]], {}, "allowed: x1 <= x2"),
        ([[0, 0, 1, 1]], {"score": float("nan")}, "score 1 of 1 is nan; allowed: 0 to 1"),
        ([[0, 0, 1, 1]], {"vectors": [[0.0, 0.0]]}, "length of vector 1 of 1 is 0.0"),
        ([[0, 0, 1, 1]], {"vectors": [[float("nan"), 0.0]]}, "length of vector 1 of 1 is nan"),
        ([[0, 0, 1, 1]], {"vectors": [[1.0], [1.0]]}, "there are 1 boxes, but 2 vectors"),
    ],
)
def test_what_cannot_be_followed_is_refused(boxes: Any, changed: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Detections.of(prediction(boxes, **changed))


def test_a_model_that_finds_no_boxes_is_refused() -> None:
    with pytest.raises(DataError, match=r"gives 'boxes' \(tasks: none"):
        Detections.of(Prediction({}))


def test_a_field_of_two_tasks_is_refused() -> None:
    result = prediction([[0, 0, 1, 1]]).results["toy"]
    assert isinstance(result, Found) and torch.is_tensor(result.boxes)
    with pytest.raises(DataError, match="several tasks give 'boxes': a, b"):
        Detections.of(Prediction({"a": result, "b": result}), embedding=False)
