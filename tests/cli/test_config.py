from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from unified.config import shipped

BAD = "trunk: yolor-n\nsize: 64\ntasks:\n  detection: {scoer: 1}\ntrain: {epochs: none}\n"


@pytest.fixture
def bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_text(BAD)
    return "bad.yaml"


def test_list_names_every_shipped_config(cli: Any) -> None:
    rows = json.loads(cli("config", "list", "--json").out)
    assert [row["name"] for row in rows] == shipped()
    assert all(name in cli("config", "list").out for name in shipped())


def test_show_prints_a_config_that_can_be_used(cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(cli("config", "show", "jdc-shapes", "train.epochs=2").out, encoding="utf-8")
    shown = json.loads(cli("config", "show", "mine.yaml", "--json").out)
    assert shown["train"]["epochs"] == 2 and shown["name"] == "jdc-shapes"


def test_show_can_leave_the_meanings_out(cli: Any) -> None:
    assert "#" not in cli("config", "show", "jdc", "--no-comments").out


def test_validate_says_what_a_valid_config_is(cli: Any) -> None:
    answer = cli("config", "validate", "jdc")
    assert (answer.code, answer.out) == (0, "jdc is valid: detection, classification on yolor-csp at 640 px\n")
    assert json.loads(cli("config", "validate", "jdc", "--json").out)["valid"] is True


def test_validate_tells_all_problems_and_exits_with_2(cli: Any, bad: str) -> None:
    answer = cli("config", "validate", bad)
    assert (answer.code, answer.out) == (2, "")
    assert "error: config 'bad' has 2 problems:" in answer.err
    assert "bad.yaml:4: tasks.detection.scoer: unknown key; did you mean 'score'" in answer.err
    assert 'bad.yaml:5: train.epochs: got "none"; allowed: a whole number ≥ 1' in answer.err
    assert "Traceback" not in answer.err


def test_validate_tells_programs_where_each_problem_is(cli: Any, bad: str) -> None:
    answer = cli("config", "validate", bad, "--json")
    found = json.loads(answer.out)
    assert (answer.code, found["valid"]) == (2, False)
    assert [(problem["line"], problem["path"]) for problem in found["problems"]] == [
        (4, "tasks.detection.scoer"), (5, "train.epochs")
    ]  # fmt: skip


def test_validate_of_a_missing_config_is_an_answer_too(cli: Any) -> None:
    answer = cli("config", "validate", "detecton", "--json")
    assert answer.code == 2 and "did you mean 'detection'" in json.loads(answer.out)["message"]


def test_schema_is_a_json_schema(cli: Any) -> None:
    schema = json.loads(cli("config", "schema").out)
    assert schema["type"] == "object" and "detection" in schema["properties"]["tasks"]["properties"]


def test_show_lists_the_weightings(cli: Any) -> None:
    rows = json.loads(cli("config", "show", "weightings", "--json").out)
    assert {"fixed", "uncertainty", "dwa", "gradnorm", "famo", "upgrad", "nash-mtl"} <= {row["name"] for row in rows}
    assert all(row["paper"] and row["what it does"] and row["cost"] for row in rows)
    assert "arXiv 1705.07115" in cli("config", "show", "weightings").out
