from __future__ import annotations

import pytest
import torch

from unified.benchmark.timing import Taken, Timing, time_in_turns


def test_variants_are_timed_in_turns_after_one_call_each(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, order = [0.0], []
    durations = {"a": iter([99, 1, 5, 3]), "b": iter([99, 20, 10, 40])}

    def call(name: str) -> None:
        order.append(name)
        clock[0] += next(durations[name])

    monkeypatch.setattr("unified.benchmark.timing.time.perf_counter", lambda: clock[0])
    found = time_in_turns({name: lambda name=name: call(name) for name in durations}, torch.device("cpu"), rounds=3)  # type: ignore[misc]
    assert order == ["a", "b"] * 4
    assert found == {"a": Taken(3000.0, 1000.0), "b": Taken(20000.0, 10000.0)}


def test_medians_count_and_the_fastest_calls_stand_beside() -> None:
    row = Timing.of("fast", Taken(20, 10), Taken(5, 4), batch=2, plain=Taken(60, 40), model="m", mode="train", size=64)
    assert (row.milliseconds, row.images_per_second, row.unit, row.speedup) == (20, 100, 4, 3)
    assert (row.fastest_milliseconds, row.fastest_speedup) == (10, 4)
