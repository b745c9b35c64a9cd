"""How many pictures a second the training loader makes."""

from __future__ import annotations

import multiprocessing
import os
import time
from dataclasses import replace
from typing import Any

import timm
import torch

from unified.benchmark.memory import peak_of_processes
from unified.benchmark.timing import CALIBRATION, Taken, Timing, time_in_turns
from unified.data.loader import Loader

LOADER_SECONDS = 8.0


def benchmark_loader(
    loader: Loader, *, size: int, workers: int, device: torch.device, rounds: int, seconds: float = LOADER_SECONDS
) -> list[Timing]:
    """Augmented pictures a second from `loader`, beside the inference of the calibration unit (batch 1).

    Its memory is that of its workers, or of this whole process where it has none.
    """
    calibration = timm.create_model("resnet18").to(device).eval()
    image = torch.rand(1, 3, size, size, device=device)

    @torch.inference_mode()
    def unit() -> None:
        calibration(image)

    unit_taken = time_in_turns({CALIBRATION: unit}, device, rounds)[CALIBRATION]
    others = {child.pid for child in multiprocessing.active_children()}
    loaded, epoch, started = 0, 0, 0.0
    while not started or time.perf_counter() - started < seconds:
        for batch in loader.epoch(epoch):
            if not started:  # the first batch pays for starting the workers
                started = time.perf_counter()
                continue
            loaded += len(batch.samples)
            if time.perf_counter() - started > seconds:
                break
        epoch += 1
    average = 1e3 * (time.perf_counter() - started) / max(loaded, 1)
    pids = [child.pid for child in multiprocessing.active_children() if child.pid and child.pid not in others]
    peak = peak_of_processes(pids or [os.getpid()])
    common: dict[str, Any] = {"model": "loader", "mode": "loader", "size": size}
    loading = Timing.of(
        f"{workers} workers", Taken(average, average), unit_taken, batch=1, peak_megabytes=peak, **common
    )
    return [
        Timing.of(CALIBRATION, unit_taken, unit_taken, batch=1, **common),
        replace(loading, fastest_milliseconds=None),  # an average has none
    ]
