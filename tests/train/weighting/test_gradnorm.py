"""GradNorm against algorithm 1 of the paper by autograd, in float64."""

from __future__ import annotations

import pytest
import torch

from unified.train.weighting.gradnorm import GradNorm
from unified.train.weighting.weighting import Observed

TASKS = ("a", "b", "c")


def observed(losses: torch.Tensor, gradients: torch.Tensor) -> Observed:
    return Observed(dict(zip(TASKS, losses.float(), strict=False)), gradients @ gradients.T)


def test_it_descends_the_objective_of_the_paper() -> None:
    weighting = GradNorm(TASKS, alpha=1.5, lr=0.02)
    w, start = torch.ones(3, dtype=torch.float64), None
    for _ in range(30):
        losses, gradients = torch.rand(3, dtype=torch.float64) + 0.2, torch.randn(3, 7, dtype=torch.float64)
        start = losses if start is None else start
        w.requires_grad_()
        norms = gradients.norm(dim=1)
        norms = norms / (w * norms).mean().detach()  # the unit in which the learning rate is meant
        r = (losses / start) / (losses / start).mean()
        target = ((w * norms).mean() * r**1.5).detach()
        (slope,) = torch.autograd.grad((w * norms - target).abs().sum(), w)
        found = weighting(observed(losses, gradients))
        torch.testing.assert_close(torch.stack([*found.values()]).double(), w.detach(), rtol=1e-4, atol=1e-5)
        w = (w.detach() - 0.02 * slope).clamp(min=1e-3)
        w = 3 * w / w.sum()
        weighting.end_update()


def test_norms_become_even() -> None:
    weighting = GradNorm(TASKS, alpha=0.0, lr=0.004)
    gradients = torch.diag(torch.tensor([1.0, 4.0, 10.0]))
    for _ in range(500):
        weights = weighting(observed(torch.ones(3), gradients))
        weighting.end_update()
    pulls = [float(weight) * norm for weight, norm in zip(weights.values(), (1, 4, 10), strict=True)]
    assert pulls == pytest.approx([sum(pulls) / 3] * 3, rel=0.15)


def test_accumulated_batches_count_as_one() -> None:
    one, two = GradNorm(TASKS), GradNorm(TASKS)
    losses, gradients = torch.tensor([1.0, 2.0, 3.0]), torch.randn(3, 5)
    for weighting, times in ((one, 1), (two, 2)):
        for _ in range(times):
            weighting(observed(losses, gradients))
        weighting.end_update()
    torch.testing.assert_close(one.w, two.w)


def test_an_absent_task_keeps_its_weight_and_the_others_their_sum() -> None:
    weighting = GradNorm(TASKS)
    weighting(observed(torch.tensor([1.0, 2.0]), torch.tensor([[1.0, 0.0], [3.0, 1.0]])))
    weighting.end_update()
    assert weighting.w[2] == 1 and weighting.w[:2].sum() == pytest.approx(2) and weighting.w[0] > 1
    assert weighting.start[2].isnan()


def test_a_task_that_starts_at_zero_counts_from_its_first_loss_above() -> None:
    weighting, gradients = GradNorm(TASKS), torch.eye(3)
    for update in range(20):
        found = weighting(observed(torch.tensor([1.0, 0.0 if update < 5 else 2.0, 1.0]), gradients))
        weighting.end_update()
    torch.testing.assert_close(torch.stack([*found.values()]), torch.ones(3), rtol=0.05, atol=0)
