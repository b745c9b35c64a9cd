"""Rates, by a clock that the test holds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from unified.train.speed import Meter, peak_memory


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_rate_and_share_of_waiting() -> None:
    clock = Clock()
    meter = Meter(torch.device("cpu"), clock)

    def slow() -> Iterator[int]:
        for i in range(4):
            clock.now += 1.0
            yield i

    for _ in meter.waiting(slow()):
        clock.now += 3.0
        meter.count(8)
        speed = meter.read()
    assert speed.images_per_second == pytest.approx(2.0)
    assert speed.wait == pytest.approx(0.25)


def test_a_restart_forgets() -> None:
    clock = Clock()
    meter = Meter(torch.device("cpu"), clock)
    clock.now += 1000
    meter.restart()
    clock.now += 1
    meter.count(5)
    assert meter.read().images_per_second == pytest.approx(5)


def test_memory_is_counted_in_bytes() -> None:
    assert peak_memory(torch.device("cpu")) > 10 * 2**20
