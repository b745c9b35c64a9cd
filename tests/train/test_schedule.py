"""Which tasks count when."""

from __future__ import annotations

import pytest

from unified.errors import ConfigError
from unified.train.schedule import Ramp, Schedule


@pytest.mark.parametrize(
    ("progress", "weight"), [(0.0, 0.2), (0.25, 0.2), (0.375, 0.4), (0.5, 0.6), (0.75, 1.0), (1.0, 1.0)]
)
def test_a_ramp_is_linear_between_its_ends(progress: float, weight: float) -> None:
    assert Ramp(0.2, 1.0, from_=0.25, to=0.75).at(progress) == pytest.approx(weight)


def test_a_ramp_of_no_length_is_a_switch() -> None:
    switch = Ramp(0.0, 1.0, from_=0.5, to=0.5)
    assert [switch.at(progress) for progress in (0.49, 0.5, 0.51)] == [0, 1, 1]


@pytest.mark.parametrize("ends", [(0.7, 0.3), (-0.1, 1.0), (0.0, 1.1)])
def test_a_ramp_runs_forward_within_the_training(ends: tuple[float, float]) -> None:
    with pytest.raises(ConfigError, match="forward"):
        Ramp(0.0, 1.0, from_=ends[0], to=ends[1])


def test_a_delayed_task_is_not_there_before_its_time() -> None:
    schedule = Schedule({"late": Ramp(0.0, 1.0, from_=0.5, to=1.0)})
    assert schedule.at(("early", "late"), 0.5) == {"early": 1.0}
    assert schedule.at(("early", "late"), 0.75) == {"early": 1.0, "late": 0.5}


def test_tasks_take_turns() -> None:
    schedule = Schedule({"b": 0.5}, alternate=2)
    turns = [schedule.at(("a", "b", "c"), 0.0, update) for update in range(8)]
    assert turns == [{"a": 1.0}] * 2 + [{"b": 0.5}] * 2 + [{"c": 1.0}] * 2 + [{"a": 1.0}] * 2


def test_a_task_that_does_not_count_has_no_turn() -> None:
    schedule = Schedule({"b": 0.0}, alternate=1)
    assert [schedule.at(("a", "b", "c"), 0.0, update) for update in range(3)] == [{"a": 1.0}, {"c": 1.0}, {"a": 1.0}]
    assert Schedule({"a": 0.0}, alternate=1).at(("a",), 0.0) == {}


def test_weights_are_not_negative() -> None:
    with pytest.raises(ConfigError, match="0 or more"):
        Schedule({"tags": -1.0})
