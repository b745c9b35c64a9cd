"""How much memory a call, or running processes, take at their peak."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from unified.benchmark.timing import Call

PEAK_SECONDS = 300.0  # after which a forked call counts as hanging


def peak_memory(call: Call, device: torch.device) -> float | None:
    """Megabytes at the peak of one call: of the device on CUDA, of a forked process on Linux's CPU, else unknown."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        call()
        return torch.cuda.max_memory_allocated(device) / 2**20
    if sys.platform != "linux":
        return None
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_call_and_tell_peak, args=(call, sender))
    process.start()
    sender.close()
    try:
        return float(receiver.recv()) if receiver.poll(PEAK_SECONDS) else None
    except EOFError:  # it died: most likely of what it was to measure
        return None
    finally:
        process.kill()
        process.join()


def _call_and_tell_peak(call: Call, sender: Any) -> None:
    import resource  # Windows has none, nor any need of it

    # OpenMP's threads do not survive a fork; memory does not depend on their number.
    torch.set_num_threads(1)
    try:
        call()
    except RuntimeError:  # where there is a GPU, autograd's threads have been started and do not survive it either
        return
    sender.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def peak_of_processes(pids: Iterable[int]) -> float | None:
    """Megabytes at the peak of each running process, added up; unknown where there is no Linux.

    Pages that several share, such as libraries and finished batches, count for each of them.
    """
    if sys.platform != "linux":
        return None
    return sum(_peak_of(pid) for pid in pids)


def _peak_of(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
