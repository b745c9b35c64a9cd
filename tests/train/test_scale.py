"""Losses on one scale: values, and factors on their gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from unified.errors import ConfigError
from unified.train.scale import DECAY, RunningNorm, make_scale

TASKS = ("a", "b")


def losses(**values: float) -> dict[str, Tensor]:
    return {task: torch.tensor(value) for task, value in values.items()}


def test_unscaled_losses_are_as_they_are() -> None:
    values, factors = make_scale("none", TASKS)(losses(a=3.0, b=0.1))
    assert {task: float(value) for task, value in values.items()} == pytest.approx({"a": 3.0, "b": 0.1})
    assert factors == {"a": 1.0, "b": 1.0}


def test_the_logarithm_and_its_derivative() -> None:
    loss = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(loss.log(), loss)
    values, factors = make_scale("log", TASKS)({"a": loss.detach()})
    assert float(values["a"]) == pytest.approx(math.log(3)) and float(factors["a"]) == pytest.approx(float(slope))


def test_the_running_mean_is_that_of_the_updates_so_far() -> None:
    scale = make_scale("norm", TASKS)
    seen: list[float] = []
    for value in (4.0, 2.0, 6.0):
        values, factors = scale(losses(a=value))
        powers = [DECAY**k for k in reversed(range(len(seen)))]
        mean = sum(p * v for p, v in zip(powers, seen, strict=True)) / sum(powers) if seen else value
        assert float(factors["a"]) == pytest.approx(1 / mean) and float(values["a"]) == pytest.approx(value / mean)
        scale.end_update()
        seen.append(value)


@pytest.mark.parametrize("name", ["none", "log", "norm"])
def test_a_second_look_is_on_the_scale_of_the_first_and_teaches_nothing(name: str) -> None:
    scale, other = make_scale(name, TASKS), make_scale(name, TASKS)
    for value in (4.0, 3.0):
        first, factors = scale(losses(a=value, b=1.0))
        other(losses(a=value, b=1.0))
        again = scale.again(losses(a=value, b=1.0))
        assert {t: float(value) for t, value in again.items()} == {t: float(value) for t, value in first.items()}
        lower = float(scale.again(losses(a=value / 2))["a"])
        change = math.log(2) if name == "log" else float(factors["a"]) * value / 2
        assert float(first["a"]) - lower == pytest.approx(change)
        scale.end_update()
        other.end_update()
    assert float(scale(losses(a=5.0))[0]["a"]) == float(other(losses(a=5.0))[0]["a"])


def test_an_absent_task_is_not_taken_for_a_loss_of_zero() -> None:
    scale = RunningNorm(TASKS)
    scale(losses(a=1.0, b=5.0))
    scale.end_update()
    for _ in range(10):
        scale(losses(a=1.0))
        scale.end_update()
    assert float(scale(losses(b=5.0))[0]["b"]) == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["norm", "log"])
def test_a_loss_of_zero_stays_finite(name: str) -> None:
    values, factors = make_scale(name, TASKS)(losses(a=0.0))
    assert values["a"].isfinite() and torch.as_tensor(factors["a"]).isfinite()


def test_after_losses_of_zero_a_loss_counts_as_it_is() -> None:
    scale = RunningNorm(TASKS)
    scale(losses(a=0.0))
    scale.end_update()
    values, factors = scale(losses(a=0.7))
    assert float(values["a"]) == pytest.approx(1.0) and float(factors["a"]) == pytest.approx(1 / 0.7)


def test_an_unknown_scale_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown scale 'norms'.*'norm'"):
        make_scale("norms", TASKS)
