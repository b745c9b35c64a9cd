"""Dynamic weight average against equation (7), written out."""

from __future__ import annotations

import math

import pytest
import torch

from unified.train.weighting.dwa import DynamicWeightAverage
from unified.train.weighting.weighting import Observed

TASKS = ("a", "b", "c")


def epoch(weighting: DynamicWeightAverage, batches: list[dict[str, float]]) -> dict[str, float]:
    for losses in batches:
        weights = weighting(Observed({task: torch.tensor(loss) for task, loss in losses.items()}))
    weighting.end_epoch()
    return {task: float(weight) for task, weight in weights.items()}


def test_weights_follow_the_ratios_of_the_last_two_epochs() -> None:
    weighting = DynamicWeightAverage(TASKS, temperature=2.0)
    batches = torch.rand(6, 4, 3, dtype=torch.float64) + 0.5  # epochs, batches, tasks
    for number, losses in enumerate(batches):
        found = epoch(weighting, [dict(zip(TASKS, row, strict=True)) for row in losses.tolist()])
        means = batches.mean(1)
        ratio = means[number - 1] / means[number - 2] if number > 1 else torch.ones(3)
        exponentials = [math.exp(r / 2.0) for r in ratio.tolist()]
        naive = [3 * e / sum(exponentials) for e in exponentials]
        assert [*found.values()] == pytest.approx(naive, rel=1e-5)


def test_an_absent_task_keeps_its_ratio_and_takes_no_part() -> None:
    weighting = DynamicWeightAverage(TASKS)
    epoch(weighting, [{"a": 1.0, "b": 1.0, "c": 1.0}])
    epoch(weighting, [{"a": 0.5, "b": 1.0, "c": 0.9}])
    assert epoch(weighting, [{"a": 0.4, "b": 0.8}]).keys() == {"a", "b"}
    assert weighting.last[2] == pytest.approx(0.9) and weighting.before[2] == 1.0
    late = epoch(weighting, [{"a": 0.4, "b": 0.8, "c": 0.9}])
    assert sum(late.values()) == pytest.approx(3)
