"""What weightings cost: passes are counted."""

from __future__ import annotations

import pytest

from unified.benchmark.joint import TASKS, costs

pytest.importorskip("torchjd", reason="needs the extra balance")


def test_upgrad_of_three_tasks_goes_through_the_trunk_once() -> None:
    assert len(TASKS) == 3
    plain, upgrad, famo = costs("yolor-n", ["fixed", "upgrad", "famo"], size=64, batch=1, rounds=1, device="cpu")
    assert (plain.trunk_passes, upgrad.trunk_passes, famo.trunk_passes) == (1, 1, 1)
    assert plain.step_ratio == 1 and upgrad.step_ratio > 0 and upgrad.milliseconds > 0
