"""What a config may say about detection."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from tasks.detection import Options
from tasks.detection.options import Gains
from unified.model.code_spec import Codes


def test_defaults_are_the_published_model() -> None:
    options = Options()
    assert options.codes.align is not None and options.codes.align.operator == "add"
    assert options.codes.refine is not None and options.codes.refine.operator == "mul"
    assert (options.gains.box, options.gains.obj, options.gains.cls) == (0.05, 0.7, 0.3)


def test_parts_may_be_given_alone_and_lists_as_yaml_has_them() -> None:
    options = Options.model_validate(
        {"codes": {"align": None}, "gains": {"cls": 1}, "anchors": [[[1, 2], [3, 4.5]], [[5, 6], [7, 8]]]}
    )
    assert options.codes.align is None and options.codes.refine is not None
    assert options.gains == Gains(cls=1.0)
    assert options.anchors == [[(1, 2), (3, 4.5)], [(5, 6), (7, 8)]]


@pytest.mark.parametrize("model", [Options, Codes, Gains])
def test_every_option_is_described(model: type[BaseModel]) -> None:
    assert all(field.description for field in model.model_fields.values())


@pytest.mark.parametrize(
    "options",
    [
        {"anchor": "fit"},
        {"anchors": "fits"},
        {"anchors": [[[1, -2]]]},
        {"anchors": [[[1, 2, 3]]]},
        {"anchor_t": 1.0},
        {"anchor_t": "4"},
        {"gains": {"box": -1}},
        {"iou": 1.5},
        {"max_detections": 0},
        {"codes": {"align": {"operator": "add", "where": "wh"}}},
        {"codes": {"refine": {"operator": "mul", "per_anchor": True}}},
        {"codes": {"bend": None}},
    ],
    ids=str,
)
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(options)
