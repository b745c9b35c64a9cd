"""The joint loss: many tasks' losses become one number to differentiate.

    L = Σ_t  s_t(progress) · w_t · L_t,        L_t = Σ_p g_tp · L_tp

Three things that are easily mixed up, kept apart: the *gains* g balance the parts within a task, the *schedule* s says
which tasks count at this point of the training and how much, the *weighting* w balances the tasks against each other
as they learn. A task without labels in the batch is absent: it is skipped, not counted as a loss of zero.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unified.errors import ConfigError, nearest


@dataclass(frozen=True, slots=True)
class Ramp:
    """A weight that goes linearly from `start` to `end` between two fractions of the training, constant outside."""

    start: float
    end: float
    from_: float = 0.0
    to: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.from_ <= self.to <= 1.0:
            raise ConfigError(f"a ramp runs forward, 0 ≤ from ≤ to ≤ 1 of the training; got {self.from_} to {self.to}")

    def at(self, progress: float) -> float:
        if progress >= self.to:
            return self.end
        if progress <= self.from_:
            return self.start
        return self.start + (self.end - self.start) * (progress - self.from_) / (self.to - self.from_)


class Schedule:
    """Which tasks count, and how much, at a point of the training. A task that is not named counts 1 all along."""

    def __init__(self, weights: Mapping[str, float | Ramp] | None = None) -> None:
        self.weights = {
            task: weight if isinstance(weight, Ramp) else Ramp(weight, weight)
            for task, weight in (weights or {}).items()
        }
        for task, ramp in self.weights.items():
            if min(ramp.start, ramp.end) < 0:
                raise ConfigError(f"joint.weights.{task}: a loss weight is 0 or more, got {min(ramp.start, ramp.end)}")

    def at(self, task: str, progress: float) -> float:
        """The scheduled weight of `task`; 0 takes it out of the update altogether."""
        ramp = self.weights.get(task)
        return 1.0 if ramp is None else ramp.at(progress)


class Weighting(nn.Module, ABC):
    """One number a task a step. A weighting that learns keeps its state in parameters (they join the optimiser, without
    decay) and buffers (they are saved and resumed).
    """

    @abstractmethod
    def forward(self, losses: Mapping[str, Tensor]) -> Mapping[str, Tensor | float]:
        """Weights of the present tasks, from their losses L_t."""


class Fixed(Weighting):
    """Every task 1: the schedule alone decides."""

    def forward(self, losses: Mapping[str, Tensor]) -> Mapping[str, Tensor | float]:
        return dict.fromkeys(losses, 1.0)


@dataclass(frozen=True, slots=True)
class JointOutcome:
    """One step's joint loss. `total` is None when no task had labels, or none counts at this point."""

    total: Tensor | None
    weights: dict[str, Tensor | float]  # schedule · weighting, by present task
    losses: dict[str, Tensor]  # L_t by present task, gains applied, weight not


class JointLoss(nn.Module):
    """See the module's docstring.

    Args:
        gains: {task: {part: gain}}; every part that a task's loss returns must be named.
        schedule: which tasks count when.
        weighting: how the tasks are balanced; `Fixed` by default.
    """

    def __init__(
        self,
        gains: Mapping[str, Mapping[str, float]],
        schedule: Schedule | None = None,
        weighting: Weighting | None = None,
    ) -> None:
        super().__init__()
        self.gains = {task: dict(parts) for task, parts in gains.items()}
        self.schedule = schedule or Schedule()
        self.weighting = weighting or Fixed()
        for task in self.schedule.weights:
            if task not in self.gains:
                raise ConfigError(f"joint.weights.{task}: no such task; {nearest(task, self.gains)}")

    def forward(self, losses: Mapping[str, Mapping[str, Tensor]], progress: float) -> JointOutcome:
        """`losses` is {task: {part: scalar}}, unweighted; `progress` the fraction of the training that is done."""
        scheduled = {task: self.schedule.at(task, progress) for task, parts in losses.items() if parts}
        present = {task: self._task_loss(task, losses[task]) for task, weight in scheduled.items() if weight > 0}
        if not present:
            return JointOutcome(None, {}, {})
        balance = self.weighting(present)
        weights = {task: scheduled[task] * balance[task] for task in present}
        total = torch.stack([weights[task] * loss for task, loss in present.items()]).sum()
        return JointOutcome(total, weights, present)

    def _task_loss(self, task: str, parts: Mapping[str, Tensor]) -> Tensor:
        gains = self.gains.get(task, {})
        if unknown := sorted(set(parts) - set(gains)):
            raise ConfigError(f"no gain for the loss part {task}/{unknown[0]}; {nearest(unknown[0], gains)}")
        return torch.stack([gains[part] * loss for part, loss in parts.items()]).sum()
