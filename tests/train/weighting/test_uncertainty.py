"""Uncertainty against the gradient of the paper's objective, written out in float64."""

from __future__ import annotations

import pytest
import torch

from unified.errors import ConfigError
from unified.train.weighting.uncertainty import Uncertainty
from unified.train.weighting.weighting import Observed

TASKS = ("a", "b", "c")


def observed(**losses: float) -> Observed:
    return Observed({task: torch.tensor(loss) for task, loss in losses.items()})


def test_it_descends_the_objective_of_the_paper() -> None:
    weighting = Uncertainty(TASKS, lr=0.05)
    s = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    naive = torch.optim.SGD([s], lr=0.05)
    for _ in range(50):
        losses = torch.rand(3, dtype=torch.float64) + 0.5
        ((-s).exp() * losses + s).sum().backward()
        weights = weighting(observed(**dict(zip(TASKS, losses.tolist(), strict=True))))
        torch.testing.assert_close(torch.stack([*weights.values()]).double(), (-s.detach()).exp(), rtol=1e-4, atol=0)
        naive.step()
        naive.zero_grad()
        weighting.end_update()


def test_weights_settle_at_one_over_the_loss() -> None:
    weighting = Uncertainty(TASKS, lr=0.1)
    for _ in range(1000):
        weights = weighting(observed(a=0.5, b=4.0))
        weighting.end_update()
    assert float(weights["a"]) == pytest.approx(2, rel=1e-2) and float(weights["b"]) == pytest.approx(0.25, rel=1e-2)


def test_one_huge_loss_does_not_end_a_task() -> None:
    weighting = Uncertainty(TASKS, lr=0.01)
    weighting(observed(a=1e6))
    weighting.end_update()
    assert float(weighting(observed(a=1.0))["a"]) > 0.98


def test_an_absent_task_learns_nothing() -> None:
    weighting = Uncertainty(TASKS)
    for _ in range(10):
        weighting(observed(a=5.0, c=0.1))
        weighting.end_update()
    assert weighting.s[1] == 0 and weighting.s[0] > 0 > weighting.s[2]


def test_it_may_start_as_jde_does() -> None:
    weighting = Uncertainty(TASKS, log_variance={"a": -4.15, "b": -2.3})
    weights = weighting(observed(a=1.0, b=1.0, c=1.0))
    assert [float(w) for w in weights.values()] == pytest.approx([63.43, 9.974, 1.0], rel=1e-3)
    with pytest.raises(ConfigError, match=r"log_variance\.aa.*'a'"):
        Uncertainty(TASKS, log_variance={"aa": 0.0})
