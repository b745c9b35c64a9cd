from __future__ import annotations

import json
import math
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import unified.config
from tests.data.checks.ground import Site
from tests.data.checks.planted import PLANTINGS
from tests.tiny import TinyRun, tiny_config, tiny_data, train_quietly
from unified.build import load_model
from unified.config import shipped
from unified.data.dataset import open_dataset
from unified.errors import ConfigError, DataError, MissingExtraError, UnifiedError
from unified.train.log import read
from unified.train.run import RunFolder
from unified.train.trainer import Trainer
from unified.training import train


def rewritten(path: Path, change: Any) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_a_training_leaves_a_complete_run_folder(tiny_run: TinyRun) -> None:
    names = {path.relative_to(tiny_run.path).as_posix() for path in tiny_run.path.rglob("*") if path.is_file()}
    assert {"config.yaml", "environment.json", "status.json", "metrics.jsonl", "metrics.csv"} <= names
    assert {f"checkpoints/{name}/manifest.json" for name in ("best", "last")} <= names
    status = json.loads((tiny_run.path / "status.json").read_text())
    assert status["state"] == "finished" and status["progress"]["step"] == 2


@pytest.mark.parametrize("name", ["1e-3", "08", "no"])
def test_the_config_of_a_run_can_be_read_whatever_it_is_called(tiny_run: TinyRun, tmp_path: Path, name: str) -> None:
    config = tiny_config(tiny_run.data, f'name="{name}"', "train.max_steps=1", "train.evaluate_every=0")
    train_quietly(config, tmp_path / "run")
    assert unified.config.read(tmp_path / "run" / "config.yaml") == config


def test_every_loss_part_and_the_scores_are_logged(tiny_run: TinyRun) -> None:
    step, epoch = read(tiny_run.path / "metrics.jsonl")
    assert {f"loss/detection/{part}" for part in ("box", "obj", "cls")} <= step.keys()
    assert any(key.startswith("loss/classification/") for key in step)
    assert {"detection/AP", "classification/mAP", "fitness"} <= epoch.keys()


def test_a_training_says_what_it_does(tiny_run: TinyRun) -> None:
    for words in ("data (COCO), train: 8 pictures", "val: 4 pictures", "yolor-n with detection, classification on cpu"):
        assert words in tiny_run.printed


def test_a_training_may_begin_from_another(tiny_run: TinyRun, tmp_path: Path) -> None:
    start = ("tasks.classification=false", f"train.start={tiny_run.path}", "train.freeze=[trunk]")
    printed = train_quietly(tiny_config(tiny_run.data, *start), tmp_path / "run")
    assert "tensors taken" in printed and "of it not used: tasks.classification." in printed
    before, after = (load_model(path)[0].trunk.state_dict() for path in (tiny_run.path, tmp_path / "run"))
    assert all(after[name].equal(value) for name, value in before.items()), "and it was frozen"


def test_the_conflict_of_the_tasks_is_logged(tiny_run: TinyRun, tmp_path: Path) -> None:
    train_quietly(tiny_config(tiny_run.data, "joint.log_every=2"), tmp_path / "run")
    steps = [line for line in read(tmp_path / "run" / "metrics.jsonl") if line["kind"] == "step"]
    cosines = [key for key in steps[-1] if key.startswith("conflict/cosine/")]
    assert "conflict/cosine/all/detection/classification" in cosines and len(cosines) == 4  # three levels, and all


def test_brackets_are_printed_as_they_are(tmp_path: Path) -> None:
    printed = train_quietly(tiny_config(tiny_data(tmp_path / "[bold]data")), tmp_path / "[red]run")
    assert "[bold]data" in printed and "[red]run" in printed


def test_a_run_goes_on_where_it_stopped(tiny_run: TinyRun, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train_quietly(tiny_config(tiny_run.data, "train.max_steps=1"), run)
    printed = train_quietly(tiny_config(tiny_run.data), run, resume=True)
    assert "going on after update 1" in printed
    assert "going on otherwise than before: train.max_steps 1 → 0\n" in printed
    assert json.loads((run / "status.json").read_text())["progress"]["step"] == 2
    at_once, resumed = (load_model(path / "checkpoints/last")[0].state_dict() for path in (tiny_run.path, run))
    assert at_once.keys() == resumed.keys()


def test_a_stopped_training_says_how_to_go_on(
    tiny_run: TinyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(trainer: Trainer) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "fit", stopped)
    printed = StringIO()
    with pytest.raises(KeyboardInterrupt):
        train(tiny_config(tiny_run.data), out=tmp_path / "run", console=Console(file=printed, width=200))
    assert f"--out {tmp_path / 'run'} --resume" in printed.getvalue()


def test_a_run_folder_in_use_is_left_alone(tiny_run: TinyRun) -> None:
    with pytest.raises(ConfigError, match="is not empty"):
        train_quietly(tiny_config(tiny_run.data), tiny_run.path)


def test_there_must_be_a_run_to_resume(tiny_run: TinyRun, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no run to resume"):
        train_quietly(tiny_config(tiny_run.data), tmp_path / "none", resume=True)


def test_splits_of_different_classes_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    data = tiny_data(tmp_path / "data")
    rewritten(data / "annotations/instances_val.json", lambda d: d["categories"][0].update(name="unicorn"))
    with pytest.raises(DataError, match=r"(?s)train split \(.*val split \(.*unicorn"):
        train_quietly(tiny_config(data), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_is_not_resumed_on_other_classes_and_stays_as_it_is(tiny_run: TinyRun, tmp_path: Path) -> None:
    data = tiny_data(tmp_path / "data")
    for split in ("train", "val"):
        rewritten(data / f"annotations/instances_{split}.json", lambda d: d["categories"][0].update(name="unicorn"))
    before = (tiny_run.path / "status.json").read_text()
    with pytest.raises(DataError, match=r"(?s)data set \(.*unicorn.*checkpoint \("):
        train_quietly(tiny_config(data, "train.epochs=2"), tiny_run.path, resume=True)
    assert (tiny_run.path / "status.json").read_text() == before


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("tasks.classification.head=query", "weights of another model"),
        ("joint.weighting=uncertainty", "joint loss"),
        ("train.optimizer=adamw", "train.optimizer is adamw, and the training was begun with muon: leave it so"),
    ],
)
def test_a_run_that_cannot_be_gone_on_with_so_stays_as_it_is(
    override: str, says: str, tiny_run: TinyRun, tmp_path: Path
) -> None:
    shutil.copytree(tiny_run.path, tmp_path / "run")
    files = ("config.yaml", "status.json", "metrics.jsonl", "environment.json")
    before = [(tmp_path / "run" / name).read_bytes() for name in files]
    with pytest.raises(UnifiedError, match=says):
        train_quietly(tiny_config(tiny_run.data, "train.epochs=2", override), tmp_path / "run", resume=True)
    assert [(tmp_path / "run" / name).read_bytes() for name in files] == before


@pytest.mark.parametrize("override", ['joint.parts."detection/boxes"=1', "device=cuda:77"])
def test_what_cannot_be_trained_is_refused_before_anything_is_written(
    override: str, tiny_run: TinyRun, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError):
        train_quietly(tiny_config(tiny_run.data, override), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_one_cell_of_one_picture_has_no_variance_to_norm_by(tiny_run: TinyRun, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"one cell at stride 32.*give size=64 or more, or train.batch=2"):
        train_quietly(tiny_config(tiny_run.data, "size=32", "train.batch=1"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_faulty_annotations_are_refused_or_dropped_as_the_config_says(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = tiny_data(tmp_path / "data")
    rewritten(data / "annotations/instances_train.json", lambda d: d["annotations"][0]["bbox"].__setitem__(2, 0))
    with pytest.raises(DataError, match=r"zero-size box.*(?s:.*)data\.on_error=drop"):
        train_quietly(tiny_config(data), tmp_path / "run")
    printed = train_quietly(tiny_config(data, "data.on_error=drop"), tmp_path / "run")
    assert "1 x zero-size box" in printed
    assert "left out 1 faulty" in caplog.text and "annotations[0]" in caplog.text


def test_everything_wrong_with_a_data_set_can_be_dropped_and_the_rest_trains(tmp_path: Path) -> None:
    site = Site(tmp_path / "data")
    for name, planting in PLANTINGS.items():
        planting(site, name)
    data = site.write()
    with pytest.raises(DataError, match="faults in the data"):
        train_quietly(tiny_config(data), tmp_path / "run")

    printed = train_quietly(tiny_config(data, "data.on_error=drop", "train.batch=16"), tmp_path / "run")

    assert "1 x damaged picture" in printed and "1 x non-finite number" in printed
    steps = [line for line in read(tmp_path / "run" / "metrics.jsonl") if line["kind"] == "step"]
    losses = [value for line in steps for key, value in line.items() if key.startswith("loss")]
    assert losses and all(map(math.isfinite, losses))
    assert json.loads((tmp_path / "run/status.json").read_text())["progress"]["step"] >= 2


def test_without_tensorboard_training_goes_on(
    tiny_run: TinyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(run: RunFolder, *, every: int) -> None:
        raise MissingExtraError("tensorboard", "tensorboard")

    monkeypatch.setattr(RunFolder, "events", missing)
    printed = train_quietly(tiny_config(tiny_run.data), tmp_path / "run")
    assert "pip install 'unified[tensorboard]'" in printed


def test_without_a_folder_runs_are_numbered(tiny_run: TinyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = tiny_config(tiny_run.data, "train.max_steps=1")
    assert train(config, console=Console(file=StringIO())) == Path("runs/jdc-shapes/1")


@pytest.mark.parametrize("name", [name for name in shipped() if name != "jdc-shapes"])
def test_every_shipped_config_trains(name: str, tiny_run: TinyRun, tmp_path: Path) -> None:
    train_quietly(tiny_config(tiny_run.data, "train.max_steps=1", name=name), tmp_path / "run")
    model, config, taxonomy = load_model(tmp_path / "run")
    assert model.tasks and set(model.tasks) == set(config.tasks)
    assert taxonomy.categories == open_dataset(tiny_run.data, "val").taxonomy.categories


@pytest.mark.slow
def test_captions_learn_words_then_cider_and_a_stopped_second_stage_goes_on(tiny_run: TinyRun, tmp_path: Path) -> None:
    small = ("tasks.caption.width=16", "tasks.caption.layers=1", "tasks.caption.length=8", "train.batch=4")
    words, cider = tmp_path / "words", tmp_path / "cider"
    first = tiny_config(tiny_run.data, *small, "train.max_steps=1", name="caption-shapes")
    train_quietly(first, words)
    second = (*small, f"train.start={words}", "train.epochs=1")
    stage = tiny_config(tiny_run.data, *second, "train.max_steps=1", name="caption-shapes-cider")
    assert "tensors taken" in train_quietly(stage, cider)
    stage = tiny_config(tiny_run.data, *second, name="caption-shapes-cider")
    assert "going on after update 1" in train_quietly(stage, cider, resume=True)
    losses = [line["loss/caption/cider"] for line in read(cider / "metrics.jsonl") if "loss/caption/cider" in line]
    assert losses and all(0 < loss <= 10 for loss in losses)
