from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.index.gallery import ORIGIN, SMALL, contents, same
from tests.index.writer import states
from unified.index.folder import FolderBackend
from unified.index.index import Index
from unified.index.manifest import MANIFEST

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("kills", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_an_index_whose_writer_is_killed_holds_the_last_committed_state(tmp_path: Path, kills: int) -> None:
    folder, generator, first, torn, expected = tmp_path / "i", random.Random(0), 0, 0, states(120)
    command = [sys.executable, "-m", "tests.index.writer"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writers:
        for _ in range(kills):
            if first > 40:
                shutil.rmtree(folder)
            if not folder.exists():
                Index(FolderBackend.create(folder, ORIGIN, SMALL)).close()
                first = 0
            reported = run_and_kill(writers, folder, first, generator.uniform(0, 0.1))
            torn += len(list(folder.iterdir())) > len(json.loads((folder / MANIFEST).read_text())["files"]) + 2
            with Index(FolderBackend.open(folder, SMALL)) as index:
                assert index.verify() == []
                found = contents(index)
            # The step that was under way when the signal came has happened as a whole, or not at all.
            steps = [step for step in (reported, reported + 1) if same(found, expected[step][0])]
            assert steps, f"killed after {reported} steps: {len(found.held)} entries are of no committed state"
            first = steps[-1]
    assert torn > kills // 10, "hardly any was killed while it was writing"


def run_and_kill(writers: subprocess.Popen[str], folder: Path, first: int, seconds: float) -> int:
    """Have a process start at step `first`, and kill it `seconds` later; how many steps have been reported in all."""
    assert writers.stdin is not None and writers.stdout is not None
    writers.stdin.write(json.dumps([str(folder), first]) + "\n")
    writers.stdin.flush()
    process = int(writers.stdout.readline().removeprefix("process "))
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    reported = [int(line) for line in iter(writers.stdout.readline, "dead\n")]
    return max(reported, default=first - 1) + 1
