"""What the files of a run hold."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from unified.errors import UnifiedError
from unified.task import Scores
from unified.train.log import METRICS, SPEED, TABLE, EpochRecord, JsonLines, StepRecord, read
from unified.train.plan import Recipe, plan
from unified.train.speed import Speed

PLAN = plan(Recipe(epochs=2), batches=10, batch=2)


def step(number: int, **changes: Any) -> StepRecord:
    values: dict[str, Any] = {"loss": 1.5, "losses": {"detection/box": 2.0}, "weights": {"detection": 1.0}}
    rates: dict[str, Any] = {"lr": 0.01, "momentum": 0.9, "grad_norm": 3.0, "speed": Speed(12.345, 0.5, 7)}
    return StepRecord(epoch=1, batch=number, step=number, **(values | rates | changes))


def epoch(number: int, last_step: int, **numbers: float | None) -> EpochRecord:
    return EpochRecord(number, last_step, {"detection/box": 2.0}, {"detection": Scores(numbers)}, 0.5, True)


def run(folder: Path, start: int, *records: StepRecord | EpochRecord, every: int = 1) -> None:
    sink = JsonLines(folder, every=every)
    sink.start(PLAN, start)
    for record in records:
        if isinstance(record, StepRecord):
            sink.step(record)
        else:
            sink.epoch(record)
    sink.close()


def test_a_step_is_a_flat_line(tmp_path: Path) -> None:
    run(tmp_path, 0, step(1, loss=None))
    (line,) = read(tmp_path / METRICS)
    assert line == {
        "kind": "step", "epoch": 1, "step": 1, "loss": None, "lr": 0.01, "momentum": 0.9, "grad_norm": 3.0,
        "loss/detection/box": 2.0, "weight/detection": 1.0,
    }  # fmt: skip
    (speed,) = read(tmp_path / SPEED)
    assert speed == {"step": 1, "images_per_second": 12.35, "wait": 0.5, "memory": 7}


def test_lines_are_on_the_disk_at_once(tmp_path: Path) -> None:
    sink = JsonLines(tmp_path, every=1)
    sink.start(PLAN, 0)
    sink.step(step(1))
    assert len(read(tmp_path / METRICS)) == 1
    sink.close()


def test_steps_are_thinned_out_and_epochs_are_not(tmp_path: Path) -> None:
    run(tmp_path, 0, *(step(i) for i in range(1, 26)), epoch(1, 25, AP=0.5), every=10)
    assert [(line["kind"], line["step"]) for line in read(tmp_path / METRICS)] == [
        ("step", 1), ("step", 10), ("step", 20), ("epoch", 25),
    ]  # fmt: skip


def test_lines_after_the_checkpoint_are_cut_on_resume(tmp_path: Path) -> None:
    run(tmp_path, 0, step(1), step(2), epoch(1, 2, AP=0.5), step(3), step(4))
    with open(tmp_path / METRICS, "a") as file:
        file.write('{"kind": "step", "st')  # cut short by a kill
    run(tmp_path, 3, step(4, loss=9.0), epoch(2, 4, AP=0.6, AP50=0.7))
    lines = read(tmp_path / METRICS)
    assert [(line["kind"], line["step"]) for line in lines] == [
        ("step", 1), ("step", 2), ("epoch", 2), ("step", 3), ("step", 4), ("epoch", 4),
    ]  # fmt: skip
    assert lines[4]["loss"] == 9.0
    assert [line["step"] for line in read(tmp_path / SPEED)] == [1, 2, 3, 4]
    rows = list(csv.DictReader((tmp_path / TABLE).read_text().splitlines()))
    assert [(row["epoch"], row["detection/AP"], row["detection/AP50"]) for row in rows] == [
        ("1", "0.5", ""), ("2", "0.6", "0.7"),
    ]  # fmt: skip


def test_undefined_scores_are_null_and_the_file_stays_json(tmp_path: Path) -> None:
    run(tmp_path, 0, epoch(1, 5, AP=None, AR=float("nan")))
    (line,) = [json.loads(text, parse_constant=pytest.fail) for text in (tmp_path / METRICS).read_text().splitlines()]
    assert line["detection/AP"] is None and line["detection/AR"] is None


def test_a_file_that_is_not_ours_is_told(tmp_path: Path) -> None:
    (tmp_path / METRICS).write_text("hello\n")
    with pytest.raises(UnifiedError, match=r"metrics\.jsonl: a line is not JSON"):
        run(tmp_path, 0)
