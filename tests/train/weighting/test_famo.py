"""FAMO against algorithm 1 of the paper by autograd, in float64."""

from __future__ import annotations

import pytest
import torch

from unified.train.weighting.famo import Famo
from unified.train.weighting.weighting import Observed

TASKS = ("a", "b", "c")


def named(losses: torch.Tensor) -> dict[str, torch.Tensor]:
    return dict(zip(TASKS, losses.float(), strict=False))


def test_it_takes_the_steps_of_the_paper() -> None:
    weighting = Famo(TASKS, lr=0.5, decay=0.01)
    xi = torch.zeros(3, dtype=torch.float64)
    for _ in range(30):
        before, after = torch.rand(2, 3, dtype=torch.float64) + 0.1
        z = torch.softmax(xi, 0)
        c = 1 / (z / before).sum()
        found = torch.stack([*weighting(Observed(named(before))).values()]).double()
        torch.testing.assert_close(found, 3 * c * z / before, rtol=1e-4, atol=1e-6)
        jacobian = torch.autograd.functional.jacobian(lambda x: torch.softmax(x, 0), xi)
        xi = xi - 0.5 * (jacobian.T @ (before.log() - after.log()) + 0.01 * xi)
        weighting.look_back(named(after))


def test_the_task_that_fell_least_counts_more() -> None:
    weighting = Famo(TASKS)
    weighting(Observed(named(torch.ones(3))))
    weighting.look_back(named(torch.tensor([0.5, 0.9, 1.1])))
    assert weighting.xi[0] < weighting.xi[1] < weighting.xi[2]


def test_an_absent_task_is_no_success() -> None:
    weighting = Famo(TASKS)
    weighting(Observed(named(torch.ones(2))))
    weighting.look_back(named(torch.tensor([0.5, 0.9, 0.2])))
    assert weighting.xi[2] == 0
    weighting(Observed(named(torch.ones(1))))
    before = weighting.xi.clone()
    weighting.look_back(named(torch.tensor([0.5])))
    assert weighting.xi.equal(before), "one task alone is not compared with anything"


def test_a_loss_of_zero_stays_finite() -> None:
    weighting = Famo(TASKS)
    weights = weighting(Observed(named(torch.tensor([0.0, 1.0, 1.0]))))
    weighting.look_back(named(torch.tensor([0.0, 0.5, 0.5])))
    assert all(torch.as_tensor(weight).isfinite() for weight in weights.values()) and weighting.xi.isfinite().all()
    assert sum(float(weight) for weight in weights.values()) == pytest.approx(3)
