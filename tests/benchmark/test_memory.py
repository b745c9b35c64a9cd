from __future__ import annotations

import os
import subprocess
import sys
from functools import partial

import pytest
import torch

from unified.benchmark.memory import peak_memory, peak_of_processes

CPU = torch.device("cpu")


def test_the_peak_memory_of_a_call_counts_what_it_gives_back_and_not_what_calls_before_it_took() -> None:
    large, small = (peak_memory(partial(torch.ones, n), CPU) for n in (2**27, 2**26))  # 512 and 256 MB
    if large is None or small is None:
        pytest.skip("this system does not tell the peak of a call")
    assert large > 512 and small > 256 and large - small > 200


def test_a_call_that_dies_is_not_passed_over() -> None:
    def die() -> None:
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        peak_memory(die, CPU)


def test_the_peaks_of_processes_are_added_up() -> None:
    script = "held = b'x' * 2**27; del held; print(flush=True); input()"  # 128 MB, given back before it is asked
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdout.readline()
        one, both = peak_of_processes([process.pid]), peak_of_processes([process.pid, os.getpid()])
        process.stdin.write(b"\n")
    assert one is None or both is None or (one > 128 and one + 20 < both)
