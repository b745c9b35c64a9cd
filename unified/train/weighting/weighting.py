"""The contract of a weighting: one number a task a step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

Weights = dict[str, Tensor | float]


@dataclass(frozen=True, slots=True)
class Observed:
    """What a weighting may look at: of the whole batch, and so the same on every process."""

    losses: Mapping[str, Tensor]  # L_t of the present tasks, scaled, without graph
    gramian: Tensor | None = None  # (T, T): ∂L_i/∂f · ∂L_j/∂f at the trunk's features f, in the order of `losses`


class Weighting(nn.Module, ABC):
    """Weighs the tasks that are present; a task that is absent is neither weighed nor learnt from.

    `forward` may note what it saw, but what is learnt changes in the `end_` methods alone, which come after the update
    was found to be finite. State is kept in buffers, so that it is saved and resumed; a parameter would join the
    model's optimiser. Where all tasks agree, weights are about 1: the plain sum.
    """

    needs_gradients: ClassVar[bool] = False  # wants `Observed.gramian`: a backward pass through each head
    looks_back: ClassVar[bool] = False  # wants `look_back`: another forward pass after each update

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__()
        self.tasks = tuple(tasks)

    @abstractmethod
    def forward(self, observed: Observed) -> Weights:
        """Weights of the present tasks."""

    def look_back(self, losses: Mapping[str, Tensor]) -> None:
        """The losses of the update's last batch, once more, after the update."""

    def end_update(self) -> None:
        """The optimiser has made its step."""

    def end_epoch(self) -> None:
        """All batches of an epoch were seen."""

    def rows(self, present: Mapping[str, object]) -> Tensor:
        """Where the present tasks stand in state that has a row a task."""
        device = next(self.buffers()).device
        return torch.tensor([self.tasks.index(task) for task in present], device=device)


class Means(nn.Module):
    """Means of a few numbers a task over the batches that had the task."""

    sums: Tensor
    counts: Tensor

    def __init__(self, tasks: int, *, persistent: bool = True) -> None:
        super().__init__()
        self.register_buffer("sums", torch.zeros(tasks), persistent=persistent)
        self.register_buffer("counts", torch.zeros(tasks), persistent=persistent)

    @torch.no_grad()
    def add(self, rows: Tensor, values: Tensor) -> None:
        self.sums[rows] += values.float()
        self.counts[rows] += 1

    def read(self) -> tuple[Tensor, Tensor]:
        """The means, and which tasks were there at all; then starts afresh."""
        means, seen = self.sums / self.counts.clamp(min=1), self.counts > 0
        self.sums.zero_()
        self.counts.zero_()
        return means, seen
