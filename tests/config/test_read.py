from __future__ import annotations

import os
from pathlib import Path

import pytest

from unified.config import InvalidConfig, changed, read

POSE = "trunk: yolor-n\nsize: 64\ntasks:\n  toys.pose:\n"


@pytest.fixture
def mine(folder: Path) -> str:
    (folder / "mine.yaml").write_text(POSE)
    return "mine.yaml"


def test_a_silent_config_has_the_defaults(mine: str) -> None:
    config = read(mine)
    assert (config.name, config.data, config.device) == ("mine", None, "auto")
    assert (config.train.epochs, config.augment.mosaic, config.joint.weights) == (300, 1.0, {})
    assert config.tasks["toys.pose"]["align"] == {"operator": "mul", "width": None}


def test_the_last_word_wins(mine: str) -> None:
    config = read(mine, ["train.epochs=3", "train.lr=1e-3", "train.epochs=4", "name=run-4"])
    assert (config.train.epochs, config.train.lr, config.name) == (4, 1e-3, "run-4")


def test_mappings_merge_and_other_values_replace(folder: Path, mine: str) -> None:
    (folder / "top.yaml").write_text(
        "base: mine.yaml\ntasks:\n  toys.pose: {points: [3], align: {operator: add}}\n"
        "joint: {weights: {toys.pose: {start: 0, end: 1, to: 0.5}}}\n"
    )
    config = read("top.yaml", ['tasks."toys.pose".align.width=3', 'joint.weights."toys.pose".from=0.25'])
    assert config.tasks["toys.pose"]["points"] == [3.0]
    assert config.tasks["toys.pose"]["align"] == {"operator": "add", "width": 3}
    assert config.to_dict()["joint"]["weights"]["toys.pose"] == {"start": 0.0, "end": 1.0, "from": 0.25, "to": 0.5}
    assert read("top.yaml", ['joint.weights={"toys.pose": 2}']).joint.weights == {"toys.pose": 2.0}
    assert read("top.yaml", ['tasks."toys.pose".align=null']).tasks["toys.pose"]["align"] is None


def test_a_task_may_be_said_plainly_or_taken_away(folder: Path, mine: str) -> None:
    (folder / "both.yaml").write_text("base: mine.yaml\ntasks:\n  toys.pose: {iou: 0.5}\n  detection:\n")
    (folder / "again.yaml").write_text("base: both.yaml\ntasks:\n  toys.pose:\n")
    assert list(read("both.yaml").tasks) == ["toys.pose", "detection"]
    assert list(read("both.yaml", ['tasks."toys.pose"=false']).tasks) == ["detection"]
    assert read("again.yaml").tasks["toys.pose"]["iou"] == 0.5  # `null` says nothing new


def test_a_data_path_counts_from_the_file_and_on_the_command_line_from_the_current_folder(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "a.yaml").write_text(POSE + "data: ../pictures\n")
    (folder / "sub" / "b.yaml").write_text(POSE + "data: {path: pictures, train: train2017}\n")
    (folder / "c.yaml").write_text("base: sub/b.yaml\n")

    def data_of(*arguments: str) -> tuple[str, str]:
        data = read(arguments[0], arguments[1:]).dataset()
        assert data.path is not None
        return str(Path(data.path).relative_to(folder)), data.train

    assert data_of("sub/a.yaml") == ("pictures", "train")
    assert data_of("c.yaml") == ("sub/pictures", "train2017")
    assert data_of("sub/b.yaml", "data=other") == ("other", "train")  # another data set, its own splits
    assert data_of("sub/b.yaml", "data.path=other") == ("other", "train2017")
    assert data_of("sub/a.yaml", "data.val=test") == ("pictures", "train")
    assert read("c.yaml", [f"data={folder}/x y #1"]).dataset().path == f"{folder}/x y #1"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.lr", "train.lr: is no key=value"),
        ("=3", "'' is no key"),
        ("train..lr=3", "'train..lr' is no key"),
        ("train lr=3", "'train lr' is no key"),
        ("epochs=3", "epochs: unknown key; did you mean 'train.epochs'?"),
        ("train.epochs=three", 'train.epochs: got "three"; allowed: a whole number ≥ 1'),
        ("train.epochs=", "train.epochs: got null; allowed: a whole number ≥ 1"),
        ("train=3", "train: got 3; allowed: a mapping of epochs, batch"),
        ("train.epochs.more=3", 'train.epochs: got {"more": 3}; allowed: a whole number ≥ 1'),
        ("size={a: 1", "size: not valid YAML"),
        ("base=jdc", "base belongs into a file"),
    ],
)
def test_a_bad_override_is_named(mine: str, override: str, message: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        read(mine, [override])
    told = str(caught.value)
    assert f"command line: {message}" in told or f"command line: {override}: {message}" in told


def test_a_stored_config_can_be_changed(mine: str, folder: Path) -> None:
    stored = read(mine, ["train.epochs=3"])
    config = changed(stored, ["data=x", "train.batch=2"])
    assert (config.train.epochs, config.train.batch, config.dataset().path) == (3, 2, str(folder / "x"))
    assert config.name == stored.name
    with pytest.raises(InvalidConfig, match=r"command line: train\.bathc: unknown key; did you mean 'batch'"):
        changed(stored, ["train.bathc=2"])


def test_a_path_of_nobodys_home_is_a_path(mine: str) -> None:
    assert read(mine, ["data=~nobody_at_all/x"]).dataset().path == os.path.abspath("~nobody_at_all/x")
