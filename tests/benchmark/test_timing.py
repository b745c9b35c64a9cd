from __future__ import annotations

import pytest
import torch

from unified.benchmark.timing import time_in_turns


def test_variants_are_timed_in_turns_after_one_call_each_and_medians_count(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, order = [0.0], []
    durations = {"a": iter([99, 1, 5, 3]), "b": iter([99, 20, 10, 40])}

    def call(name: str) -> None:
        order.append(name)
        clock[0] += next(durations[name])

    monkeypatch.setattr("unified.benchmark.timing.time.perf_counter", lambda: clock[0])
    found = time_in_turns({name: lambda name=name: call(name) for name in durations}, torch.device("cpu"), rounds=3)  # type: ignore[misc]
    assert order == ["a", "b"] * 4
    assert found == {"a": 3000.0, "b": 20000.0}
