"""Calls timed in turns, and what is reported of each.

Medians count: that is what a call takes on this machine at this hour. On a machine with busy neighbours they may all be
slow, and not all alike; the fastest call of each variant is the one disturbed least, so it is reported beside.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch

CALIBRATION = "resnet18 (timm) float32"
Call = Callable[[], Any]


class Taken(NamedTuple):
    """Milliseconds of a call over the rounds."""

    median: float
    fastest: float


@dataclass(frozen=True, slots=True)
class Timing:
    """One variant in one mode. `unit` is how many calibration units one picture costs; `speedup` over plain float32.

    All from median times, but for what is called fastest.
    """

    model: str
    mode: str
    variant: str
    size: int
    batch: int
    milliseconds: float
    images_per_second: float
    unit: float
    fastest_milliseconds: float | None = None
    speedup: float | None = None
    fastest_speedup: float | None = None
    peak_megabytes: float | None = None
    difference: float | None = None  # of raw outputs from float32, in their standard deviations

    @classmethod
    def of(
        cls, variant: str, taken: Taken, calibration: Taken, *, batch: int, plain: Taken | None = None, **rest: Any
    ) -> Timing:
        """From how long a call on `batch` pictures took, one of the calibration unit, and one in plain float32."""
        return cls(
            variant=variant,
            batch=batch,
            milliseconds=taken.median,
            images_per_second=1e3 * batch / taken.median,
            unit=taken.median / calibration.median,
            fastest_milliseconds=taken.fastest,
            speedup=plain and plain.median / taken.median,
            fastest_speedup=plain and plain.fastest / taken.fastest,
            **rest,
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def time_in_turns(calls: dict[str, Call], device: torch.device, rounds: int) -> dict[str, Taken]:
    """How long each call takes, one call of each a round so that a slow minute slows all alike."""
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
    return {name: Taken(statistics.median(times), min(times)) for name, times in taken.items()}


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
