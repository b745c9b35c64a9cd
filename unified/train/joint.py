"""The joint loss: many tasks' losses become one number to differentiate.

    L = Σ_t  s_t(progress) · w_t · L_t,        L_t = Σ_p g_tp · L_tp

Things that are easily mixed up, kept apart: the *gains* g balance the parts within a task, the *scale* brings tasks to
comparable numbers, the *schedule* s says which tasks count at this point of the training and how much, the *weighting*
w balances the tasks against each other as they learn. A task without labels in the batch is absent: it is skipped, not
counted as a loss of zero. With several processes all of this is about the pictures of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unified.errors import ConfigError, nearest
from unified.train.conflict import Conflict, gramians
from unified.train.ranks import Ranks, Share
from unified.train.scale import AsTheyAre, Scale
from unified.train.schedule import Schedule
from unified.train.weighting.fixed import Fixed
from unified.train.weighting.weighting import Observed, Weighting, Weights

Parts = Mapping[str, Mapping[str, Tensor]]  # {"detection": {"box": scalar, …}, …}
Features = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class JointOutcome:
    """One step's joint loss. `total` is None when no task had labels, or none counts at this point.

    The value of `total` is that of all processes; its gradient is this process's part, to be averaged over them.
    """

    total: Tensor | None
    weights: Weights  # schedule · weighting, by present task
    losses: dict[str, Tensor]  # L_t by present task, gains applied, neither scaled nor weighed, without graph
    conflict: Conflict | None = None


class JointLoss(nn.Module):
    """See the module's docstring.

    Args:
        gains: {task: {part: gain}}; every part that a task's loss returns must be named.
        schedule: which tasks count when.
        weighting: how the tasks are balanced; `Fixed` by default.
        scale: how losses are made comparable before that; as they are by default.
        log_every: updates between looks at the conflict of the tasks; 0 = none.
    """

    def __init__(
        self,
        gains: Mapping[str, Mapping[str, float]],
        schedule: Schedule | None = None,
        weighting: Weighting | None = None,
        *,
        scale: Scale | None = None,
        log_every: int = 0,
        ranks: Ranks | None = None,
    ) -> None:
        super().__init__()
        self.gains = {task: dict(parts) for task, parts in gains.items()}
        self.schedule = schedule or Schedule()
        self.weighting = weighting or Fixed(tuple(gains))
        self.scale = scale or AsTheyAre()
        self.log_every = log_every
        self.ranks = ranks or Ranks()
        for task in self.schedule.weights:
            if task not in self.gains:
                raise ConfigError(f"joint.weights.{task}: no such task; {nearest(task, self.gains)}")

    def counting(self, progress: float, update: int = 0) -> dict[str, float]:
        """Task → scheduled weight, of those that count now: the losses of no others are wanted."""
        return self.schedule.at(self.gains, progress, update)

    def looks(self, update: int) -> bool:
        """Whether the conflict of the tasks is looked at in that update, counted from 1."""
        return self.log_every > 0 and update % self.log_every == 0 and len(self.gains) > 1

    def forward(
        self,
        losses: Parts,
        progress: float,
        *,
        update: int = 0,
        labelled: Mapping[str, Tensor] | None = None,
        features: Features | None = None,
        look: bool = False,
    ) -> JointOutcome:
        """
        Args:
            losses: {task: {part: scalar}}, unweighted means over the labelled pictures of this process.
            progress: the fraction of the training that is done, `update` the number of updates that are.
            labelled: (B,) bool by task; only several processes need it.
            features: what the losses were computed from; only needed with `look`, or if the weighting needs gradients.
            look: whether the outcome is to tell of the conflict.
        """
        scheduled = self.counting(progress, update)
        own = self._task_losses({task: losses[task] for task in scheduled if losses.get(task)})
        shares = self.ranks.shares(own, labelled or {}, list(scheduled))
        if not shares:
            return JointOutcome(None, {}, {})
        values, factors = self.scale({task: share.loss for task, share in shares.items()})
        conflict = None
        if features and (self.weighting.needs_gradients or look):
            conflict = self._conflict(own, shares, factors, features)
        balance = self._balance(Observed(values, conflict.gramians.sum(0) if conflict else None))
        weights: Weights = {task: scheduled[task] * balance[task] for task in shares}
        terms = [
            weights[task] * _with_gradient(values[task], factors[task], own.get(task), share.part * self.ranks.world)
            for task, share in shares.items()
        ]
        found = {task: share.loss for task, share in shares.items()}
        return JointOutcome(torch.stack(terms).sum(), weights, found, conflict if look else None)

    def look_back(self, losses: Parts, labelled: Mapping[str, Tensor]) -> None:
        """Tell the weighting the losses of the update's last batch after the update."""
        own = self._task_losses({task: parts for task, parts in losses.items() if parts})
        shares = self.ranks.shares(own, labelled, list(losses))
        self.weighting.look_back(self.scale.again({task: share.loss for task, share in shares.items()}))

    def end_update(self) -> None:
        """The optimiser has made its step."""
        self.weighting.end_update()
        self.scale.end_update()

    def _balance(self, observed: Observed) -> Weights:
        """The same on all processes, also where a weighting draws lots or a solver stops by the last digit."""
        weights: Weights = self.weighting(observed)
        if not self.weighting.needs_gradients or self.ranks.world == 1:
            return weights
        return self.ranks.of_first(lambda: {task: torch.as_tensor(w).cpu() for task, w in weights.items()})

    def _conflict(
        self, own: Mapping[str, Tensor], shares: Mapping[str, Share], factors: Weights, features: Features
    ) -> Conflict:
        """Of the scaled losses; the gradient of a mean over all pictures is spread over their processes."""
        mine = {
            task: own[task] * (share.part * factors[task]) if task in own else None for task, share in shares.items()
        }
        return Conflict(list(shares), list(features), self.ranks.total(gramians(mine, features)))

    def _task_losses(self, losses: Parts) -> dict[str, Tensor]:
        return {task: self._task_loss(task, parts) for task, parts in losses.items()}

    def _task_loss(self, task: str, parts: Mapping[str, Tensor]) -> Tensor:
        gains = self.gains.get(task, {})
        if unknown := sorted(set(parts) - set(gains)):
            raise ConfigError(f"no gain for the loss part {task}/{unknown[0]}; {nearest(unknown[0], gains)}")
        return torch.stack([gains[part] * loss for part, loss in parts.items()]).sum()


def _with_gradient(value: Tensor, factor: Tensor | float, loss: Tensor | None, part: Tensor | float) -> Tensor:
    """`value`, with the gradient of factor · part · loss; none where this process has no labels for the task."""
    return value if loss is None else value + factor * part * (loss - loss.detach())
