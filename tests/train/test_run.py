"""A run folder belongs to one run."""

from __future__ import annotations

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.train.toys import PROVENANCE, claimed, toy_recipe, toy_trainer
from unified.errors import ConfigError, UnifiedError
from unified.train import durable
from unified.train.checkpoint import Progress
from unified.train.run import RunFolder, numbered


def test_a_new_folder_is_taken_as_it_is_named(tmp_path: Path) -> None:
    run = claimed(tmp_path / "a" / "b")
    run.record_config(yaml.safe_dump(PROVENANCE.config))
    assert run.path == tmp_path / "a" / "b"
    assert yaml.safe_load((run.path / "config.yaml").read_text()) == PROVENANCE.config
    assert run.last() is None


def test_an_empty_folder_is_as_good_as_a_new_one(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").touch()
    claimed(tmp_path)


def test_a_file_is_no_run_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="not empty"):
        claimed(tmp_path / "file")


def test_a_finished_run_is_not_written_over(tmp_path: Path) -> None:
    toy_trainer(tmp_path / "run").fit()
    with pytest.raises(ConfigError, match=r"not empty: .*finished after 4 epochs, 12 updates, best .*--resume"):
        claimed(tmp_path / "run")


def test_a_folder_of_something_else_is_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(ConfigError, match="not empty: give --out a new folder"):
        claimed(tmp_path)
    with pytest.raises(ConfigError, match="no run to resume"):
        claimed(tmp_path, resume=True)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_there_is_nothing_to_resume_where_there_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no run to resume"):
        claimed(tmp_path / "nowhere", resume=True)
    assert not (tmp_path / "nowhere").exists()


def test_a_run_killed_before_its_first_checkpoint_is_resumed_from_the_start(tmp_path: Path) -> None:
    claimed(tmp_path)
    assert claimed(tmp_path, resume=True).last() is None


def test_while_one_process_trains_in_a_folder_no_other_does(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, PROVENANCE) as run:
        run.record_config("name: toy\n")
        before = (run.path / "status.json").read_bytes(), (run.path / "config.yaml").read_bytes()
        for resume in (True, False):
            with pytest.raises(ConfigError, match=f"process {os.getpid()} is training in this folder; wait"):
                claimed(tmp_path, resume=resume)
        assert before == ((run.path / "status.json").read_bytes(), (run.path / "config.yaml").read_bytes())
    claimed(tmp_path, resume=True)


def test_what_another_process_saved_meanwhile_is_not_gone_back_on(tmp_path: Path) -> None:
    toy_trainer(tmp_path / "run", recipe=toy_recipe(1)).fit()
    seen = RunFolder(tmp_path / "run", PROVENANCE).stamp()
    assert seen is not None
    with RunFolder.create(tmp_path / "run", PROVENANCE, resume=True, seen=seen):
        pass
    toy_trainer(tmp_path / "run", resume=True).fit()
    before = (tmp_path / "run" / "status.json").read_bytes()
    again = RunFolder.create(tmp_path / "run", PROVENANCE, resume=True, seen=seen)
    with pytest.raises(ConfigError, match="another process went on with this run meanwhile"), again:
        pass
    assert (tmp_path / "run" / "status.json").read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").symlink_to(tmp_path / "mine")
    with pytest.raises(ConfigError, match="is a symbolic link, and no lock of ours"):
        claimed(tmp_path / "run")
    assert (tmp_path / "mine").read_text() == "precious"


def test_a_disk_without_locks_is_trained_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("unified.ops.lock._take", refuse)
    assert claimed(tmp_path).status() is not None


def test_resuming_sweeps_what_a_killed_writer_left(tmp_path: Path) -> None:
    toy_trainer(tmp_path / "run").fit()
    folder = tmp_path / "run" / "checkpoints"
    (folder / "last").rename(durable.aside_name(folder / "last"))
    durable.fresh_name(folder / "last").mkdir()
    run = claimed(tmp_path / "run", resume=True)
    last = run.last()
    assert last is not None and last.progress.step == 12
    assert sorted(path.name for path in folder.iterdir()) == ["best", "last"]


def test_a_run_killed_between_the_renames_of_a_save_goes_on_from_that_save(tmp_path: Path) -> None:
    toy_trainer(tmp_path / "run").fit()
    folder = tmp_path / "run" / "checkpoints"
    (folder / "last").rename(durable.fresh_name(folder / "last"))
    last = RunFolder(tmp_path / "run", PROVENANCE).last()  # before anything is swept
    assert last is not None and last.progress.step == 12


def test_every_start_is_recorded(tmp_path: Path) -> None:
    toy_trainer(tmp_path / "run").fit()
    toy_trainer(tmp_path / "run", resume=True).fit()
    starts = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert len(starts) == 2
    assert starts[0]["plan"]["updates"] == 12
    assert starts[0]["precision"] == "float32, channels last"
    assert {"torch", "unified"} <= starts[0]["packages"].keys()


@pytest.mark.parametrize(
    ("error", "state"), [(KeyboardInterrupt(), "interrupted"), (ValueError("bad"), "failed"), (None, "finished")]
)
def test_the_status_says_how_it_ended(error: BaseException | None, state: str, tmp_path: Path) -> None:
    run = claimed(tmp_path)
    try:
        with run.watched(lambda: Progress(epoch=3)):
            status = run.status()
            assert status is not None and status["state"] == "running"
            if error is not None:
                raise error
    except (KeyboardInterrupt, ValueError):
        pass
    status = run.status()
    assert status is not None and status["state"] == state
    assert status["progress"]["epoch"] == 3
    assert status.get("error") == ("ValueError: bad" if state == "failed" else None)


def test_a_disk_that_fills_up_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = claimed(tmp_path)

    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def train() -> None:
        with run.watched(Progress):
            monkeypatch.setattr(durable, "replace_file", full)
            run.write_status("running", Progress())

    with pytest.raises(UnifiedError, match="No space left"):
        train()


def test_parallel_starts_get_folders_of_their_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: numbered(tmp_path, "jdc"), range(20)))
    assert {path.name for path in paths} == {str(i) for i in range(1, 21)}


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "/tmp/x"])
def test_a_name_stays_inside_the_root(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name of a folder"):
        numbered(tmp_path / "runs", name)
    assert not (tmp_path / "runs").exists()
