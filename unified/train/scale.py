"""Losses brought to one scale before they are weighed.

A cross-entropy over thousands of words is ten times a box's IoU loss whatever either is worth. A scale turns each L_t
into a value to weigh and a factor on its gradient.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from unified.errors import ConfigError, nearest

DECAY = 0.99  # of the running mean, an update: it reaches back over a hundred
SMALLEST = 1e-8  # a loss below counts as this: it is divided by, and its logarithm is taken


class Scale(nn.Module, ABC):
    """How losses come to one scale."""

    @abstractmethod
    def forward(self, losses: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor | float]]:
        """Values and factors of the present tasks, from their losses without graph."""

    def again(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Values of a second look at the last batch, brought to the scale of the first; nothing is learnt from it."""
        values: dict[str, Tensor] = self(losses)[0]
        return values

    def end_update(self) -> None:
        """The optimiser has made its step."""


class AsTheyAre(Scale):
    """L_t."""

    def forward(self, losses: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor | float]]:
        return dict(losses), dict.fromkeys(losses, 1.0)


class Logarithm(Scale):
    """log L_t, whose gradient is ∇L_t / L_t: equal relative progress counts equally (DB-MTL, arXiv 2308.12029)."""

    def forward(self, losses: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor | float]]:
        positive = {task: loss.clamp(min=SMALLEST) for task, loss in losses.items()}
        return {task: loss.log() for task, loss in positive.items()}, {
            task: 1 / loss for task, loss in positive.items()
        }


class RunningNorm(Scale):
    """L_t over its running mean: about 1 for every task, for ever."""

    mean: Tensor
    weight: Tensor

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__()
        self.tasks = tuple(tasks)
        self.register_buffer("mean", torch.zeros(len(self.tasks)))  # Σ decay^k · L, and …
        self.register_buffer("weight", torch.zeros(len(self.tasks)))  # … Σ decay^k, to divide by
        self._seen: dict[str, list[Tensor]] = {}
        self._factors: dict[str, Tensor | float] = {}

    def forward(self, losses: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor | float]]:
        factors: dict[str, Tensor | float] = {}
        for task, loss in losses.items():
            row = self.tasks.index(task)
            self._seen.setdefault(task, []).append(loss)
            known = self.mean[row] / self.weight[row].clamp(min=SMALLEST)
            # Zeros say nothing of a loss's size: one that was always 0 counts as it is now, or, if it is 0, as 1.
            size = torch.where(known > 0, known, loss)
            factors[task] = 1 / torch.where(size > 0, size, 1.0).clamp(min=SMALLEST)
        self._factors = factors
        return self.again(losses), factors

    def again(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {task: self._factors[task] * loss for task, loss in losses.items()}

    @torch.no_grad()
    def end_update(self) -> None:
        for task, seen in self._seen.items():
            row = self.tasks.index(task)
            self.mean[row] = DECAY * self.mean[row] + (1 - DECAY) * torch.stack(seen).mean()
            self.weight[row] = DECAY * self.weight[row] + (1 - DECAY)
        self._seen = {}


def make_scale(name: str, tasks: Sequence[str]) -> Scale:
    """none, norm or log. ConfigError for another name."""
    scales: dict[str, Callable[[], Scale]] = {"none": AsTheyAre, "norm": lambda: RunningNorm(tasks), "log": Logarithm}
    if name not in scales:
        raise ConfigError(f"joint.scale: unknown scale {name!r}; {nearest(name, scales)}")
    return scales[name]()
