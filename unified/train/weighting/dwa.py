"""Dynamic weight average: arXiv 1803.10704, equation (7).

    λ_t = T · softmax_t(r_t / temperature),    r_t = L_t(e − 1) / L_t(e − 2)

over mean losses of epochs e: a task that falls more slowly than the others counts more.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from unified.train.weighting.weighting import Means, Observed, Weighting, Weights


class DynamicWeightAverage(Weighting):
    """
    Args:
        temperature: the larger, the more even; 2 in the paper.
    """

    last: Tensor
    before: Tensor

    def __init__(self, tasks: Sequence[str], *, temperature: float = 2.0) -> None:
        super().__init__(tasks)
        self.temperature = temperature
        self.register_buffer("last", torch.full((len(self.tasks),), float("nan")))  # of the latest epoch with labels
        self.register_buffer("before", torch.full((len(self.tasks),), float("nan")))  # of the one before that
        self.epoch = Means(len(self.tasks))

    def forward(self, observed: Observed) -> Weights:
        rows = self.rows(observed.losses)
        self.epoch.add(rows, torch.stack([*observed.losses.values()]))
        ratio = (self.last / self.before)[rows].nan_to_num(nan=1.0)  # as the paper in its first two epochs
        weights = len(rows) * torch.softmax(ratio / self.temperature, 0)
        return dict(zip(observed.losses, weights.unbind(), strict=True))

    @torch.no_grad()
    def end_epoch(self) -> None:
        means, seen = self.epoch.read()
        self.before.copy_(torch.where(seen, self.last, self.before))
        self.last.copy_(torch.where(seen, means, self.last))
