from __future__ import annotations

import json
from typing import Any

import pytest

from unified import doctor, registry
from unified.model import cost_table
from unified.model.variants import names

ROW = {
    "name": "yolor-p6",
    "dialect": "D",
    "size": 1280,
    "plain": 37262204,
    "with_codes": 37265016,
    "plain_fused": 37230012,
    "with_codes_fused": 37232824,
    "mflops_plain": 326256.1624,
    "mflops_with_codes": 326264.8324,
    "paper": {"tables": "7, A2", "plain": 37262204, "with_codes": 1, "gflops": None, "note": "a note"},
}


def test_doctor_reports_as_a_table_and_as_json(cli: Any) -> None:
    checks = json.loads(cli("doctor", "--json").out)
    assert {"name", "status", "found", "advice"} == set(checks[0])
    text = cli("doctor").out
    assert all(check["name"] in text for check in checks)


def test_doctor_exits_with_1_when_something_failed(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: [doctor.Check("torch", "failed", "broken", "mend it")])
    answer = cli("doctor")
    assert answer.code == 1 and "FAILED" in answer.out and "mend it" in answer.out


def test_tasks_lists_every_folder_with_its_options(cli: Any) -> None:
    found = json.loads(cli("tasks", "--json").out)
    assert [task["name"] for task in found] == registry.task_names()
    assert all(task["summary"] and task["options"] for task in found)
    text = cli("tasks").out
    assert all(option["key"] in text for task in found for option in task["options"])


def test_tasks_can_show_one(cli: Any) -> None:
    assert [task["name"] for task in json.loads(cli("tasks", "detection", "--json").out)] == ["detection"]
    answer = cli("tasks", "detecton")
    assert answer.code == 2 and "did you mean 'detection'" in answer.err


def test_models_marks_the_numbers_of_the_paper(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost_table, "row", lambda name: ROW | {"name": name})
    text = cli("models").out
    assert "37262204 =" in text and "37265016 ≠ 1" in text and "37230012 =" not in text
    assert "yolor-p6: a note" in text
    assert json.loads(cli("models", "--json").out) == [ROW | {"name": name} for name in names()]


@pytest.mark.parametrize("name", ["yolor-n", "yolor-p6:T"])
def test_models_can_show_one(cli: Any, name: str) -> None:
    found = json.loads(cli("models", name, "--json").out)
    assert found["name"].startswith(name.split(":")[0])
    for level in found["levels"]:
        assert level["align"] == level["channels"] and level["refine"] == 255
    assert [stage["stage"] for stage in found["stages"]][:2][0] == "stem"
    assert "192×243" in cli("models", "yolor-n").out


def test_an_unknown_model_has_a_hint(cli: Any) -> None:
    answer = cli("models", "yolor-p66")
    assert answer.code == 2 and "did you mean 'yolor-p6'" in answer.err
    assert "yolor-p6" in names()
