"""Several processes are one with as many pictures: gradients, weights, scales, conflict, whoever has the labels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.train.two_processes import CASES, run
from unified.errors import ConfigError
from unified.train.ranks import Ranks

ROOT = Path(__file__).parents[2]


def torchrun(*command: str) -> subprocess.CompletedProcess[str]:
    """Two processes on this machine, without GPUs."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*launcher, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    done = torchrun("-m", "tests.train.two_processes", str(folder))
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_two_processes_are_one_at_the_same_global_batch(name: str, two: Path) -> None:
    trainer, watcher = run(CASES[name], Ranks())
    one = trainer.bare.state_dict() | {f"joint.{key}": value for key, value in trainer.joint.state_dict().items()}
    first, second = (load_file(two / f"{name}.{rank}.safetensors") for rank in (0, 1))
    assert first.keys() == second.keys() == one.keys()
    for key, value in one.items():
        assert first[key].equal(second[key]) or first[key].isnan().any(), f"{key} differs between the processes"
        torch.testing.assert_close(first[key], value, rtol=1e-3, atol=1e-5, equal_nan=True, msg=key)
    lines = json.loads((two / f"{name}.0.json").read_text())
    assert len(lines) == len(watcher.steps)
    for line, record in zip(lines, watcher.steps, strict=True):
        for key, number in record.numbers().items():
            if not key.startswith("loss/"):  # of its own pictures only
                assert line[key] == (number if number is None else pytest.approx(number, rel=1e-3, abs=1e-5)), key


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are listed on Linux only")
def test_a_group_that_was_left_has_no_threads(two: Path) -> None:
    # One that drops a tensor while Python ends wants its lock, and then the process aborts, now and then.
    for rank in (0, 1):
        facts = json.loads((two / f"facts.{rank}.json").read_text())
        assert any("gloo" in name for name in facts["within"])
        assert not any("gloo" in name for name in facts["after"])


@pytest.mark.slow
def test_processes_meet_again_and_what_the_first_raises_all_raise(two: Path) -> None:
    for rank in (0, 1):
        facts = json.loads((two / f"facts.{rank}.json").read_text())
        assert facts["agreed"] and facts["raised"] == "no such picture"


@pytest.mark.slow
def test_torchrun_trains_a_config(tmp_path: Path) -> None:
    from tests.tiny import tiny_data

    data = tiny_data(tmp_path / "data")
    small = ["trunk=yolor-n", "size=64", "device=cpu", "augment.close_mosaic=0", "joint.weighting=upgrad"]
    short = [f"train.{key}" for key in ("epochs=1", "batch=2", "nominal_batch=4", "workers=0", "precision=float32")]
    command = ["-m", "unified", "train", "jdc-shapes", f"data={data}", *small, *short, "--out", str(tmp_path / "run")]
    done = torchrun(*command)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "2 processes" in done.stderr and done.stderr.count("8 pictures") == 1, "only the first process speaks"
    status = json.loads((tmp_path / "run" / "status.json").read_text())
    assert status["state"] == "finished" and status["progress"]["step"] == 2


@pytest.mark.slow
def test_torchrun_trains_each_task_alone_too(tmp_path: Path) -> None:
    from tests.tiny import tiny_data

    data = tiny_data(tmp_path / "data")
    small = ["trunk=yolor-n", "size=64", "device=cpu", "augment.close_mosaic=0", "train.epochs=1", "train.workers=0"]
    command = ["-m", "unified", "train", "jdc-shapes", f"data={data}", *small, "train.batch=2", "--controls", "--json"]
    done = torchrun(*command, "--out", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout)  # of one process
    assert report == json.loads((tmp_path / "run" / "controls" / "delta_m.json").read_text())
    assert set(report["by_task"]) == {"detection", "classification"}


def test_one_process_asks_nobody() -> None:
    alone = Ranks()
    assert alone.first and alone.any(True) and not alone.any(False) and alone.of_first(lambda: 3) == 3
    tensor = torch.ones(2)
    assert alone.total(tensor) is tensor
    model = torch.nn.Linear(1, 1)
    assert alone.wrapped(model, torch.channels_last) is model


def test_what_torchrun_says_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Ranks.of_environment() == Ranks()
    for name, value in {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    ranks = Ranks.of_environment()
    assert (ranks.rank, ranks.world, ranks.local, ranks.first) == (3, 4, 1, False)
    assert ranks.device("cpu") == "cpu" and ranks.device("cuda") == "cuda:1"
    with pytest.raises(ConfigError, match="cannot share one GPU"):
        ranks.device("cuda:0")
