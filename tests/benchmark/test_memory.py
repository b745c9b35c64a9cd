from __future__ import annotations

import os
import runpy
import subprocess
import sys

import pytest
import torch

from unified.benchmark import memory
from unified.benchmark.memory import peak_memory, peak_of_processes

CPU = torch.device("cpu")


def test_the_peak_memory_of_a_call_is_that_of_its_own_process() -> None:
    peak = peak_memory(lambda: torch.ones(2**26).sum(), CPU)  # 256 MB
    assert peak is None or peak > 256


def test_a_platform_without_the_module_resource_can_import_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)
    assert "peak_memory" in runpy.run_path(memory.__file__)


def test_a_call_that_dies_has_no_peak() -> None:
    def die() -> None:
        raise SystemExit(1)

    assert peak_memory(die, CPU) is None


def test_a_call_that_cannot_run_in_a_fork_has_no_peak_and_makes_no_noise(capfd: pytest.CaptureFixture[str]) -> None:
    def refuse() -> None:
        raise RuntimeError("Unable to handle autograd's threading in combination with fork-based multiprocessing")

    assert peak_memory(refuse, CPU) is None
    assert capfd.readouterr().err == ""


def test_the_peaks_of_processes_are_added_up() -> None:
    script = "held = b'x' * 2**27; del held; print(flush=True); input()"  # 128 MB, given back before it is asked
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdout.readline()
        one, both = peak_of_processes([process.pid]), peak_of_processes([process.pid, os.getpid()])
        process.stdin.write(b"\n")
    assert one is None or both is None or (one > 128 and one + 20 < both)
