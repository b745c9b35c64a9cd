"""How much memory a call, or running processes, take at their peak."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import torch

from unified.benchmark.timing import Call

_RESET_PEAK = "5"  # written into clear_refs: the kernel forgets the process's peak (man 5 proc)


def peak_memory(call: Call, device: torch.device) -> float | None:
    """Megabytes at the peak of one call: of the device on CUDA, of this process on Linux's CPU, else unknown."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        call()
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        Path("/proc/self/clear_refs").write_text(_RESET_PEAK, encoding="ascii")
    except OSError:  # no Linux, or one that keeps this to itself
        return None
    call()
    return _peak_of("self")


def peak_of_processes(pids: Iterable[int]) -> float | None:
    """Megabytes at the peak of each running process, added up; unknown where there is no Linux.

    Pages that several share, such as libraries and finished batches, count for each of them.
    """
    if sys.platform != "linux":
        return None
    return sum(_peak_of(pid) for pid in pids)


def _peak_of(pid: int | str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
