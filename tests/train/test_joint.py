"""Gains, schedule and weighting; absent tasks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from unified.errors import ConfigError
from unified.train.joint import JointLoss
from unified.train.schedule import Ramp, Schedule
from unified.train.weighting.weighting import Observed, Weighting, Weights

GAINS = {"detection": {"box": 0.05, "obj": 1.0}, "tags": {"bce": 2.0}}


def losses(**values: dict[str, float]) -> dict[str, dict[str, Tensor]]:
    return {
        task: {part: torch.tensor(value, requires_grad=True) for part, value in parts.items()}
        for task, parts in values.items()
    }


def test_the_total_is_the_sum_written_out() -> None:
    joint = JointLoss(GAINS, Schedule({"tags": 0.5}))
    outcome = joint(losses(detection={"box": 2.0, "obj": 3.0}, tags={"bce": 4.0}), 0.3)
    assert outcome.total.item() == pytest.approx((0.05 * 2 + 1.0 * 3) + 0.5 * (2.0 * 4))
    assert outcome.weights == {"detection": 1.0, "tags": 0.5}
    assert outcome.losses["tags"].item() == 8


def test_gradients_carry_gain_and_weight() -> None:
    parts = losses(detection={"box": 2.0, "obj": 3.0}, tags={"bce": 4.0})
    JointLoss(GAINS, Schedule({"tags": 0.5}))(parts, 0.0).total.backward()
    assert parts["detection"]["box"].grad == pytest.approx(0.05)
    assert parts["tags"]["bce"].grad == pytest.approx(1.0)


def test_an_absent_task_is_skipped_not_counted_as_zero() -> None:
    outcome = JointLoss(GAINS)(losses(detection={"box": 2.0, "obj": 3.0}, tags={}), 0.0)
    assert set(outcome.weights) == set(outcome.losses) == {"detection"}


def test_nothing_labelled_is_no_loss_at_all() -> None:
    assert JointLoss(GAINS)(losses(detection={}, tags={}), 0.0).total is None


def test_a_task_of_weight_zero_is_out_even_when_it_is_not_finite() -> None:
    joint = JointLoss(GAINS, Schedule({"tags": Ramp(0.0, 1.0, from_=0.5, to=0.5)}))
    parts = losses(detection={"box": 2.0, "obj": 3.0}, tags={"bce": float("nan")})
    assert joint(parts, 0.4).total.isfinite()
    assert joint(parts, 0.5).total.isnan()


def test_mistakes_are_named() -> None:
    with pytest.raises(ConfigError, match=r"joint\.weights\.detektion.*'detection'"):
        JointLoss(GAINS, Schedule({"detektion": 1.0}))
    with pytest.raises(ConfigError, match=r"tags/bec.*'bce'"):
        JointLoss(GAINS)(losses(tags={"bec": 1.0}), 0.0)


class Learnt(Weighting):
    """A stand-in for weightings to come: one learnt scale a task, and a count of the steps it saw."""

    steps: Tensor

    def __init__(self) -> None:
        super().__init__(("detection", "tags"))
        self.scale = nn.Parameter(torch.tensor([1.0, 2.0]))
        self.register_buffer("steps", torch.tensor(0))

    def forward(self, observed: Observed) -> Weights:
        self.steps += 1
        return dict(zip(("detection", "tags"), self.scale, strict=True))


def test_a_weighting_may_learn_and_is_saved() -> None:
    learnt = Learnt()
    joint = JointLoss(GAINS, Schedule({"tags": 0.5}), learnt)
    joint(losses(detection={"obj": 3.0}, tags={"bce": 4.0}), 0.0).total.backward()
    assert learnt.scale.grad is not None and learnt.scale.grad.tolist() == [3.0, 4.0]
    assert joint.state_dict()["weighting.steps"] == 1
