"""The planted conflict is what it is said to be."""

from __future__ import annotations

import math

import pytest

from unified.planted import TASKS, Planted, compare


@pytest.mark.parametrize("degrees", [0, 30, 60, 90, 120, 150, 180])
def test_the_measured_cosine_is_the_planted_one(degrees: float) -> None:
    cosine = Planted(degrees).train("fixed", steps=1)
    assert cosine == pytest.approx(math.cos(math.radians(degrees)), abs=0.05)


def test_either_task_alone_can_be_learnt() -> None:
    for task in TASKS:
        planted = Planted(120)
        planted.train("fixed", [task], steps=200)
        assert planted.scores()[task] > 0.9


def test_balancing_helps_the_task_that_is_shouted_down() -> None:
    pytest.importorskip("torchjd", reason="needs the extra balance")
    fixed, upgrad, impartial = compare(["fixed", "upgrad", "imtl-g"], 120, steps=100)
    assert fixed.worst < -0.8, "the plain sum follows the loud task"
    assert upgrad.worst > fixed.worst + 0.3 and impartial.worst > upgrad.worst
    assert fixed.loud > upgrad.loud > impartial.loud > impartial.quiet - 0.2
    assert fixed.delta_m == pytest.approx((fixed.quiet + fixed.loud) / 2 - 1, abs=0.15)


def test_tasks_that_agree_cost_each_other_nothing() -> None:
    (fixed,) = compare(["fixed"], 0, steps=100)
    assert fixed.worst > -0.05
