from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analysis import curves
from unified.data.picture import open_picture
from unified.errors import DataError


def write_metrics(run: Path, lines: list[dict[str, Any]]) -> Path:
    run.mkdir()
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return run


def step(i: int) -> dict[str, Any]:
    return {"kind": "step", "epoch": 1, "step": i, "loss/detection/box": 1 / i, "loss/detection/obj": 2 / i}


def epoch(i: int, ap: float | None) -> dict[str, Any]:
    scores = {"detection/AP": ap, "detection/AP50": ap, "classification/mAP": 0.5, "fitness": 0.4}
    return {"kind": "epoch", "epoch": i, "step": 10 * i, "loss/detection/box": 0.1} | scores


def test_losses_and_scores_are_drawn(tmp_path: Path) -> None:
    run = write_metrics(tmp_path / "run", [step(1), step(10), epoch(1, None), step(20), epoch(2, 0.25)])
    out = curves.plot_curves(run, tmp_path / "new/curves.png")
    assert out == tmp_path / "new/curves.png"
    assert open_picture(out).width > 1000


def test_a_run_that_was_not_scored_yet_can_be_drawn(tmp_path: Path) -> None:
    assert curves.plot_curves(write_metrics(tmp_path / "run", [step(1)]), tmp_path / "curves.png").is_file()


def test_every_task_has_its_main_score_before_any_has_its_second() -> None:
    many = {f"detection/n{i}": 0.1 for i in range(9)} | {"classification/mAP": 0.5}
    shown = curves.main_scores([{"kind": "epoch", "epoch": 1, "step": 1, "loss/x": 1.0} | many])
    assert set(shown[:2]) == {"detection/n0", "classification/mAP"} and len(shown) == curves.SHOWN_SCORES


@pytest.mark.parametrize("exists", [True, False])
def test_without_metrics_there_is_nothing_to_draw(exists: bool, tmp_path: Path) -> None:
    run = write_metrics(tmp_path / "run", []) if exists else tmp_path / "gone"
    with pytest.raises(DataError, match=r"no line in metrics\.jsonl"):
        curves.plot_curves(run, tmp_path / "curves.png")
