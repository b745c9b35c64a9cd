"""Calls timed in turns, and what is reported of each."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch

CALIBRATION = "resnet18 (timm) float32"
Call = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Timing:
    """One variant in one mode. `unit` is how many calibration units one picture costs; `speedup` over plain float32."""

    model: str
    mode: str
    variant: str
    size: int
    batch: int
    milliseconds: float
    images_per_second: float
    unit: float
    speedup: float | None = None
    peak_megabytes: float | None = None
    difference: float | None = None  # of raw outputs from float32, in their standard deviations

    @classmethod
    def of(cls, variant: str, milliseconds: float, unit_milliseconds: float, *, batch: int, **rest: Any) -> Timing:
        """From how long a call on `batch` pictures took, and one of the calibration unit."""
        speed, unit = 1e3 * batch / milliseconds, milliseconds / unit_milliseconds
        return cls(variant=variant, milliseconds=milliseconds, images_per_second=speed, unit=unit, batch=batch, **rest)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def time_in_turns(calls: dict[str, Call], device: torch.device, rounds: int) -> dict[str, float]:
    """Median milliseconds of each call, one call of each a round so that a slow minute slows all alike."""
    for call in calls.values():
        call()
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            _wait(device)
            start = time.perf_counter()
            call()
            _wait(device)
            taken[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(times) for name, times in taken.items()}


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
