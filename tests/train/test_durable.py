"""A folder is all old or all new, wherever its writer is cut off."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unified.train import durable

CALLS = [(os, "fsync"), (os, "rename"), (os, "replace"), (os, "open"), (shutil, "rmtree")]


class Killed(BaseException):
    """Like a kill: nothing below may catch it and tidy up."""


def cut_off(patch: pytest.MonkeyPatch, at: int, error: BaseException) -> None:
    """Raise `error` at the `at`-th of the calls that change the disk."""
    count = 0

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            if count == at:
                raise error
            return call(*args, **kwargs)

        return wrapper

    for module, name in CALLS:
        patch.setattr(module, name, counted(getattr(module, name)))


def write(folder: Path, text: str) -> None:
    durable.sweep(folder, "last")
    fresh = durable.fresh_name(folder)
    fresh.mkdir(parents=True)
    durable.write_synced(fresh / "first", text.encode())
    durable.write_synced(fresh / "last", text.encode())
    durable.move_in(folder)


def contents(folder: Path) -> set[str]:
    found = durable.standing(folder, "last")
    return {(found / name).read_text() for name in ("first", "last")}


@pytest.mark.parametrize("at", range(1, 16))
def test_a_writer_cut_off_anywhere_leaves_one_whole_version(at: int, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    write(folder, "old")
    with pytest.MonkeyPatch.context() as patch:
        cut_off(patch, at, Killed())
        try:
            write(folder, "new")
        except Killed:
            finished = False
        else:
            finished = True
    assert contents(folder) in ({"new"}, {"old"})
    assert contents(folder) == {"new"} or not finished
    write(folder, "next")
    assert contents(folder) == {"next"}
    assert [path.name for path in tmp_path.iterdir()] == ["state"], "leftovers are swept"


def test_the_cuts_above_reach_past_the_end(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        write(tmp_path / "state", "old")
        cut_off(patch, 15, Killed())
        write(tmp_path / "state", "new")


def test_a_first_version_that_was_cut_off_is_none(tmp_path: Path) -> None:
    fresh = durable.fresh_name(tmp_path / "state")
    fresh.mkdir()
    durable.write_synced(fresh / "first", b"half")
    assert not durable.standing(tmp_path / "state", "last").exists()
    durable.sweep(tmp_path / "state", "last")
    assert not list(tmp_path.iterdir())


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    durable.replace_file(path, b"old")
    with pytest.MonkeyPatch.context() as patch:
        cut_off(patch, 1, Killed())
        with pytest.raises(Killed):
            durable.replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    durable.replace_file(path, b"newer")
    assert path.read_bytes() == b"newer"
    assert [file.name for file in tmp_path.iterdir()] == ["status.json"]


def test_several_processes_may_replace_a_shared_file_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, write = tmp_path / "report.html", durable.write_synced

    def another_meanwhile(fresh: Path, data: bytes) -> None:
        write(fresh, data)
        with monkeypatch.context() as other:
            other.setattr(os, "getpid", lambda: -1)
            other.setattr(durable, "write_synced", write)
            durable.replace_file(path, b"theirs", shared=True)

    monkeypatch.setattr(durable, "write_synced", another_meanwhile)
    durable.replace_file(path, b"ours", shared=True)
    assert path.read_bytes() == b"ours" and [each.name for each in tmp_path.iterdir()] == ["report.html"]
