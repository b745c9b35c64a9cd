from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from unified import registry
from unified.config import Config, InvalidConfig, read, schema, shipped
from unified.errors import ConfigError

VALUES: dict[str, Any] = {"trunk": "yolor-n", "size": 64, "tasks": {"toys.pose": {}}}


KEYS = st.sampled_from(
    ["detection", "toys.pose", "path", "epochs", "weights", "parts", "lr", "align", "codes", "a/b", "."]
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


def problems_of(values: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidConfig) as caught:
        Config.from_dict(values)
    return [f"{problem.path}: {problem.message}" for problem in caught.value.problems]


@pytest.mark.parametrize("name", shipped())
def test_a_config_survives_json(name: str) -> None:
    task = next(iter(read(name, ["data=somewhere"]).tasks))
    config = read(name, [f"joint.weights.{task}={{start: 0, end: 1}}", "data=somewhere"])
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_a_config_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Config.from_dict(VALUES).size = 128  # type: ignore[misc]


def test_stored_options_are_complete_so_that_new_defaults_change_no_old_run() -> None:
    options = Config.from_dict(VALUES).tasks["toys.pose"]
    assert options == {
        "align": {"operator": "mul", "width": None}, "points": [1.0, 2.0], "iou": 0.65, "low": 0, "high": 9
    }  # fmt: skip


def test_a_run_without_data_says_how_to_name_it() -> None:
    with pytest.raises(ConfigError, match="add data=PATH"):
        Config.from_dict(VALUES).dataset()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trunk": "yolor-p66"}, "trunk: unknown trunk 'yolor-p66': did you mean 'yolor-p6'"),
        ({"trunk": "yolor-p6:X"}, "trunk: unknown dialect 'X'"),
        ({"trunk": "yolor-p6", "size": 96}, "size: got 96; allowed: a multiple of 64, the largest stride of yolor-p6"),
        ({"size": 100}, "size: got 100; allowed: a whole number ≥ 32 and ≤ 8192, a multiple of 32"),
        ({"tasks": {}}, "tasks: got {}; allowed: a mapping"),
        ({"tasks": ["toys.pose"]}, 'tasks: got ["toys.pose"]; allowed: a mapping'),
        ({"tasks": {"detecton": {}}}, "tasks.detecton: unknown task 'detecton'; did you mean 'detection'?"),
        ({"tasks": {"toys.nose": {}}}, "tasks.\"toys.nose\": unknown task 'toys.nose'; no Python package"),
        ({"tasks": {"../x": {}}}, "is no task name"),
        ({"joint": {"weights": {"pose": 1}}}, "joint.weights.pose: the config has no such task"),
        ({"joint": {"parts": {"pose/box": 1}}}, "joint.parts.pose/box: the config has no such task"),
        ({"joint": {"weights": {"toys.pose": {"start": 1, "end": 0, "from": 0.9, "to": 0.1}}}}, "a ramp runs forward"),
        ({"joint": {"weighting": "upgrat"}}, "joint.weighting: unknown weighting 'upgrat'; did you mean 'upgrad'"),
        ({"joint": {"weighting": "dwa", "options": {"temp": 1}}}, "joint.options.temp: weighting dwa has no"),
        ({"joint": {"weighting": "famo", "scale": "log"}}, "joint.scale: famo takes the logarithm"),
        ({"joint": {"weighting": "uncertainty", "scale": "log"}}, "joint.scale: uncertainty divides by the losses"),
        ({"joint": {"weighting": "dwa", "scale": "log"}}, "joint.scale: dwa divides losses by earlier ones"),
        ({"joint": {"weighting": "gradnorm", "scale": "log"}}, "joint.scale: gradnorm divides losses by the first"),
        ({"train": {"freeze": {"trunk": {"from": 0.5, "to": 0.5}}}}, "a span runs forward"),
        ({"train": {"lr": float("nan")}}, "train.lr: got NaN; allowed: a number > 0"),
        ({"train": {"epochs": True}}, "train.epochs: got true; allowed: a whole number ≥ 1"),
        ({"train": {"epochs": 3.0}}, "train.epochs: got 3.0; allowed: a whole number ≥ 1"),
        ({"name": "../../x"}, 'name: got "../../x"; allowed: a text of the form'),
        ({"name": "x" * 5000}, "name: got"),
        ({"device": "cuda:x"}, 'device: got "cuda:x"; allowed: a text of the form (auto|cpu|cuda(:[0-9]+)?|mps)'),
    ],
)
def test_what_does_not_go_together_is_refused(change: dict[str, Any], message: str) -> None:
    found = problems_of(VALUES | change)
    assert any(message in problem for problem in found), found
    keys = [problem.split(": ")[0] for problem in found]
    assert len(keys) == len(set(keys)), f"a key told twice: {found}"


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from([*Config.model_fields, "base", "x"]), PLAIN, max_size=5))
def test_whatever_it_is_given_it_answers_with_a_config_or_with_problems(values: dict[str, Any]) -> None:
    with suppress(InvalidConfig):
        Config.from_dict(values)


def test_the_schema_knows_every_key_of_every_shipped_config() -> None:
    whole = schema()
    assert set(whole["properties"]["tasks"]["properties"]) == set(registry.task_names())
    assert {"base", "name", "trunk", "train", "joint"} <= set(whole["properties"])
    json.dumps(whole)


def test_every_key_is_described() -> None:
    def undescribed(part: dict[str, Any], above: str) -> list[str]:
        keys = part.get("properties", {}).items()
        return [f"{above}.{key}" for key, inner in keys if not inner.get("description")]

    whole = schema()
    parts = whole["$defs"] | {"config": whole}
    assert [key for name, part in parts.items() for key in undescribed(part, name)] == []


def test_defaults_of_augmentation_are_those_of_the_pipeline() -> None:
    from inspect import signature

    from unified.data.augment import Augment

    config = Config.from_dict(VALUES).augment.model_dump(exclude={"close_mosaic", "weak"})
    own = {key: value.default for key, value in signature(Augment).parameters.items() if key != "size"}
    assert own == config


def test_paths_stay_as_they_are(tmp_path: Path) -> None:
    config = Config.from_dict(VALUES | {"data": {"path": str(tmp_path)}})
    assert config.dataset().path == str(tmp_path)
