"""Several runs at a time: what happens to the others where one dies, and to all at Ctrl-C. Stand-ins, no trainings."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from unified.train.interruption import interruptible

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes there cannot be asked to stop")


@dataclass(frozen=True)
class Standin:
    """A run whose process says in its folder how far it has come. This module imports no torch: it starts soon."""

    name: str
    folder: Path

    def state(self) -> None:
        return None

    def did(self, what: str) -> None:
        (self.folder / f"{self.name} {what}").write_text(str(os.getpid()))


class SlowToRead(Standin):
    """Takes its time before the process can begin with it, as reading torch does."""

    def __reduce__(self) -> tuple[Callable[..., Standin], tuple[str, Path]]:
        return read_slowly, (self.name, self.folder)


def read_slowly(name: str, folder: Path) -> Standin:
    standin = Standin(name, folder)
    standin.did("began")
    time.sleep(10)
    standin.did("was read")
    return standin


def die_or_return(run: Standin) -> str:
    if run.name == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.3)  # while the other dies
    return "no luck" if run.name == "fails" else ""


def until_asked(run: Standin) -> str:
    """As a training does: the first signal asks, saving takes a while, and a second signal would cut it short."""
    with interruptible() as interruption:
        run.did("began")
        for _ in range(200):
            if interruption.requested:
                time.sleep(0.5)
                run.did("saved")
                raise KeyboardInterrupt
            time.sleep(0.05)
    return ""


def leave(run: Standin) -> str:
    raise KeyboardInterrupt


def say_threads(run: Standin) -> str:
    return os.environ["OMP_NUM_THREADS"]


def train(work: Callable[[Any], str], runs: list[Standin], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    from unified.experiment import runs as runs_module

    monkeypatch.setattr(runs_module, "train_one", work)
    return runs_module.train_all(cast(Any, runs), jobs=2, tell=lambda line: None)


def interrupt(folder: Path, number: int, *, group: bool) -> None:
    """Send this process the signal once two of its own have begun; with `group`, these first, as a terminal may."""
    for _ in range(600):
        if len(begun := list(folder.glob("* began"))) == 2 and all(path.read_text() for path in begun):
            break
        time.sleep(0.05)
    for path in begun if group else []:
        os.kill(int(path.read_text()), number)
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(("told", "share"), [(None, "4"), ("3", "3"), ("6", "4")])
def test_they_share_the_cores(told: str | None, share: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if told is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", told)
    monkeypatch.setattr("unified.experiment.processes.cores", lambda: 8)
    assert train(say_threads, [Standin("a", tmp_path)], monkeypatch) == [f"a: {share}"]
    assert os.environ.get("OMP_NUM_THREADS") == told


def test_a_process_that_dies_fails_its_own_run_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [Standin(name, tmp_path) for name in ("dies", "first", "fails", "last")]
    died, failed = sorted(train(die_or_return, runs, monkeypatch))
    assert died.startswith("dies: its process died: SIGKILL") and failed == "fails: no luck"


@pytest.mark.parametrize(("number", "group"), [(signal.SIGINT, True), (signal.SIGINT, False), (signal.SIGTERM, False)])
def test_ctrl_c_lets_the_runs_in_progress_save_and_begins_no_other(
    number: int, group: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    sender = threading.Thread(target=interrupt, args=(tmp_path, number), kwargs={"group": group})
    sender.start()
    with pytest.raises(KeyboardInterrupt):
        train(until_asked, [Standin(name, tmp_path) for name in "abcd"], monkeypatch)
    sender.join()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a began", "a saved", "b began", "b saved"]
    assert "Traceback" not in capfd.readouterr().err


def test_ctrl_c_ends_a_process_that_has_not_begun_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    sender = threading.Thread(target=interrupt, args=(tmp_path, signal.SIGINT), kwargs={"group": True})
    sender.start()
    with pytest.raises(KeyboardInterrupt):
        train(until_asked, [SlowToRead(name, tmp_path) for name in "abc"], monkeypatch)
    sender.join()
    assert not list(tmp_path.glob("* was read")), "it was waited for"
    assert "Traceback" not in capfd.readouterr().err


def test_one_run_that_is_stopped_from_elsewhere_is_told_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [Standin(name, tmp_path) for name in "ab"]
    assert sorted(train(leave, runs, monkeypatch)) == [
        f"{name}: it was interrupted; call this again to go on with it" for name in "ab"
    ]
