"""Trainings on several data sets, each labelled for some tasks."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.test_build_data import two_sources
from tests.tiny import TinyRun, straight_and_resumed, tiny_config, train_quietly
from unified.config import Config
from unified.errors import ConfigError, DataError
from unified.evaluate import evaluate_run
from unified.train.log import read
from unified.training import train


def mixed(data: Path, *more: str) -> Config:
    return two_sources(data, "detection", "classification", "data.mix=round_robin", "train.batch=2", *more)


def test_each_task_learns_from_its_own_data_set_and_is_scored_on_it(tiny_run: TinyRun, tmp_path: Path) -> None:
    printed = train_quietly(mixed(tiny_run.data), tmp_path / "run")
    assert "labels for detection of 8 pictures, labels for classification of 8 pictures" in printed
    *steps, last = read(tmp_path / "run" / "metrics.jsonl")
    assert any(key.startswith("loss/detection/") for step in steps for key in step)
    assert {"detection/AP", "classification/mAP"} <= last.keys() and last["classification/mAP"] is not None
    scores = evaluate_run(tmp_path / "run", [], device="cpu")
    alone = evaluate_run(tmp_path / "run", [f"data={tiny_run.data}"], device="cpu")
    assert {name: found.numbers for name, found in scores.items()} == {
        name: found.numbers for name, found in alone.items()
    }, "each on the pictures that are labelled for it, once"


def test_pictures_that_keep_no_label_are_counted(tiny_run: TinyRun, tmp_path: Path) -> None:
    kept = "train.keep_labels={detection: 0.25, classification: 0.25}"
    printed = train_quietly(tiny_config(tiny_run.data, kept), tmp_path / "run")
    (line,) = (line for line in printed.splitlines() if "keep no label" in line)
    left_out = int(line.split()[0])
    assert 4 <= left_out <= 6, "two pictures a task, which may be the same ones"
    assert line == f"{left_out} of 8 pictures keep no label (train.keep_labels) and are not shown"
    assert f"train: {8 - left_out} pictures" in printed


@pytest.mark.slow
def test_a_resumed_training_of_several_data_sets_is_equal_to_the_bit(tiny_run: TinyRun, tmp_path: Path) -> None:
    config = mixed(tiny_run.data, "train.epochs=2", "train.checkpoint_every=1", "train.keep_labels.detection=0.75")
    one, other = straight_and_resumed(config, tmp_path, after=5)
    assert all(value.equal(other.model[name]) for name, value in one.model.items())
    assert one.progress.scores == other.progress.scores


def test_a_task_without_any_label_stops_before_anything_is_written(tiny_run: TinyRun, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="task classification: no picture is labelled"):
        train(two_sources(tiny_run.data, "detection", "detection"), out=tmp_path / "run")
    with pytest.raises(DataError, match="task detection: no picture is labelled"):
        train(tiny_config(tiny_run.data, "train.keep_labels.detection=0"), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_ratios_that_add_up_to_nothing_stop_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="larger than 0"):
        mixed(tmp_path / "nowhere", "data.mix={one: 0, two: 0}")


def test_other_classes_in_one_of_them_stop_before_anything_is_written(tiny_run: TinyRun, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(tiny_run.data, other)
    for path in (other / "annotations").glob("instances_*.json"):
        path.write_text(path.read_text().replace('"ring"', '"annulus"'))
    sources = f"{{one: {{path: {tiny_run.data}}}, two: {{path: {other}}}}}"
    with pytest.raises(DataError, match=r"ring in one only, annulus in two only"):
        train(tiny_config(other, f"data={{sources: {sources}}}"), out=tmp_path / "run")


def test_a_task_without_labels_to_be_scored_on_is_told(tiny_run: TinyRun, tmp_path: Path) -> None:
    silent = tmp_path / "silent"
    shutil.copytree(tiny_run.data, silent)
    for path in (silent / "annotations").glob("instances_val.json"):
        path.write_text(path.read_text().replace('"identity"', '"number"'))
    config = tiny_config(silent, "tasks.embedding={dimension: 16}", "tasks.detection=false")
    printed = train_quietly(config, tmp_path / "run")
    assert "val: no picture is labelled for embedding, which will have no scores" in printed
    last = read(tmp_path / "run" / "metrics.jsonl")[-1]
    assert last["embedding/mAP"] is None and last["classification/mAP"] is not None
