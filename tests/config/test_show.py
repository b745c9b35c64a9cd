from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unified.config import Config, differences, read, shipped, show
from unified.config.files import FOLDER


@pytest.mark.parametrize("name", shipped())
@pytest.mark.parametrize("comments", [True, False])
def test_what_is_shown_can_be_read_back(folder: Path, name: str, comments: bool) -> None:
    config = read(name)
    (folder / "again.yaml").write_text(show(config, comments=comments), encoding="utf-8")
    assert read("again.yaml") == config


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    path=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
    lr=st.floats(min_value=1e-12, max_value=10),
)
def test_any_path_and_any_number_survive(tmp_path: Path, path: str, lr: float) -> None:
    values = {"trunk": "yolor-n", "tasks": {"toys.pose": {}}, "train": {"lr": lr}}
    config = Config.from_dict(values | {"data": {"path": f"/{path}", "val": path}})
    (tmp_path / "run.yaml").write_text(show(config), encoding="utf-8", newline="\n")
    again = read(tmp_path / "run.yaml")
    assert again.train == config.train
    assert again.dataset().val == config.dataset().val


def test_the_config_of_a_run_folder_can_be_read(folder: Path) -> None:
    """Earlier versions wrote it with PyYAML."""
    config = read("jdc", ["data=somewhere", "joint.weights.detection={start: 0, end: 1}"])
    (folder / "config.yaml").write_text(yaml.safe_dump(config.to_dict(), sort_keys=False))
    assert read("config.yaml") == config


def test_base_is_what_show_prints_without_the_options_of_its_task() -> None:
    shown = show(read("base"))
    before, after = shown.split("  detection:\n")[0], shown[shown.index("\naugment:") :]
    written = (FOLDER / "base.yaml").read_text(encoding="utf-8")
    assert before in written and after in written


def test_each_key_has_its_meaning_beside_it() -> None:
    lines = show(read("base")).splitlines()
    assert all(" # " in line for line in lines if not line.startswith("  detection:"))


def test_differences_are_told_key_by_key() -> None:
    before, after = {"size": 64, "train": {"lr": 0.01, "epochs": 3}}, {"size": 64, "train": {"lr": 0.5, "epochs": 3}}
    assert list(differences(before, after)) == ["train.lr 0.01 → 0.5"]
    assert list(differences(before, before)) == []
    assert list(differences({"data": None}, {"data": {"path": "x"}})) == ['data null → {"path": "x"}']
