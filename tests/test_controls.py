"""Each task alone with the same budget, and Δm."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.tiny import TinyRun, tiny_config
from unified.config import Config
from unified.controls import compare, only, train_with_controls
from unified.errors import ConfigError
from unified.train import checkpoint
from unified.train.checkpoint import Checkpoint, Progress
from unified.train.run import RunFolder

BOTH = ("detection", "classification")


def test_alone_means_the_same_but_for_the_other_tasks(tiny_run: TinyRun) -> None:
    changes = (
        "joint.weights.detection=0.5",
        'joint.parts."detection/box"=7',
        "joint.weighting=dwa",
        "joint.alternate=2",
    )
    config = tiny_config(tiny_run.data, *changes)
    alone = only(config, "detection")
    assert list(alone.tasks) == ["detection"] and alone.tasks["detection"] == config.tasks["detection"]
    assert (alone.train, alone.augment, alone.trunk, alone.data) == (
        config.train, config.augment, config.trunk, config.data
    )  # fmt: skip
    assert alone.joint.parts == {"detection/box": 7} and alone.joint.weights == {}
    assert (alone.joint.weighting, alone.joint.alternate) == ("fixed", 0)
    assert only(config, "classification").joint.parts == {}


def test_what_is_said_of_other_tasks_falls_away(tiny_run: TinyRun) -> None:
    source = {"path": str(tiny_run.data)}
    sources = {"all": source, "boxes": source | {"tasks": ["detection"]}, "both": source | {"tasks": list(BOTH)}}
    values = tiny_config(tiny_run.data).to_dict()
    values["data"] = {"sources": sources, "mix": {"all": 1.0, "boxes": 2.0, "both": 3.0}}
    values["train"] |= {"keep_labels": {"detection": 0.5}, "freeze": ["trunk.stem", "detection.head"]}
    values["augment"]["weak"]["tasks"] = ["detection"]
    config = Config.from_dict(values)
    detection, classification = (only(config, task) for task in BOTH)
    assert detection.train == config.train and detection.augment == config.augment
    assert classification.train.keep_labels == {} and classification.train.freeze == ["trunk.stem"]
    assert classification.augment.weak.tasks == []
    assert classification.data is not None and classification.data.sources is not None
    assert {name: part.tasks for name, part in classification.data.sources.items()} == {
        "all": None, "both": ["classification"]
    }  # fmt: skip
    assert classification.data.mix == {"all": 1.0, "both": 3.0}


def test_a_control_that_cannot_be_trained_is_told_before_the_joint_training(tiny_run: TinyRun, tmp_path: Path) -> None:
    config = tiny_config(tiny_run.data, "train.freeze=[trunk, classification]")
    with pytest.raises(ConfigError, match=r"controls: classification cannot be trained alone: .*nothing is left"):
        train_with_controls(config, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.fixture
def scored(tiny_run: TinyRun, tmp_path: Path) -> dict[str, Path]:
    """A joint run and its controls, with scores made up."""
    best = checkpoint.load(tiny_run.path)
    scores: dict[str, dict[str, float | None]] = {
        "joint": {"detection/AP": 0.3, "detection/AP50": 0.6, "classification/mAP": 0.8},
        "detection": {"detection/AP": 0.4, "detection/AP50": 0.5},
        "classification": {"classification/mAP": 0.5},
    }
    for name, found in scores.items():
        saved = Checkpoint(best.model, Progress(scores=found), best.provenance)
        checkpoint.save(tmp_path / name / "checkpoints" / "best", saved)
    return {name: tmp_path / name for name in scores}


def test_delta_m_is_the_mean_of_the_tasks_mean_relative_gains(scored: dict[str, Path]) -> None:
    report = compare(scored["joint"], {task: scored[task] for task in ("detection", "classification")})
    by_metric = {(gain.task, gain.metric): gain.gain for gain in report.gains}
    assert by_metric["detection", "AP"] == pytest.approx(-0.25)
    assert by_metric["classification", "mAP"] == pytest.approx(0.6)
    detection = [gain for (task, _), gain in by_metric.items() if task == "detection" and gain is not None]
    assert report.by_task["detection"] == pytest.approx(sum(detection) / len(detection))
    assert report.delta_m == pytest.approx((sum(detection) / len(detection) + 0.6) / 2)
    json.dumps(report.to_json(), allow_nan=False)


def test_where_less_is_better_less_is_a_gain(scored: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from unified.build import load_model

    model, config, taxonomy = load_model(scored["joint"])
    model.task("classification").fitness = {"mAP": -1.0}
    monkeypatch.setattr("unified.controls.load_model", lambda path: (model, config, taxonomy))
    report = compare(scored["joint"], {"classification": scored["classification"]})
    assert report.delta_m == pytest.approx(-0.6)


def test_a_control_without_a_score_leaves_no_number(scored: dict[str, Path]) -> None:
    best = checkpoint.load(scored["detection"])
    nothing = Checkpoint(best.model, Progress(scores={"detection/AP": 0.0}), best.provenance)
    checkpoint.save(scored["detection"] / "checkpoints" / "best", nothing)
    report = compare(scored["joint"], {task: scored[task] for task in ("detection", "classification")})
    assert report.by_task["detection"] is None and report.delta_m is None


def test_a_single_task_has_no_controls(tiny_run: TinyRun, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="one task only"):
        train_with_controls(tiny_config(tiny_run.data, "tasks.classification=false"), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_each_task_is_trained_alone_and_compared(tiny_run: TinyRun, tmp_path: Path) -> None:
    config = tiny_config(tiny_run.data)
    console = Console(file=StringIO(), width=200)
    report = train_with_controls(config, out=tmp_path / "run", console=console)
    assert {gain.task for gain in report.gains} == {"detection", "classification"}
    for task in config.tasks:
        status = RunFolder(tmp_path / "run" / "controls" / task, checkpoint.Provenance()).status()
        assert status is not None and status["state"] == "finished" and status["progress"]["step"] == 2
    assert json.loads((tmp_path / "run" / "controls" / "delta_m.json").read_text()) == report.to_json()
    again = train_with_controls(config, out=tmp_path / "run", resume=True, console=console)
    assert again == report, "what is finished is left as it is"
