"""Weights from learnt uncertainties: arXiv 1705.07115.

    L = Σ_t  exp(−s_t) · L_t + s_t

s_t is the logarithm of task t's noise variance. This is twice equation (7) of the paper as JDE (arXiv 1909.12605)
writes it, so that s = 0 is the plain sum. The model sees only the weights exp(−s_t). The s_t have a descent of their
own: under the model's optimiser their step would grow with the batch size and momentum would move absent tasks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from unified.errors import ConfigError, nearest
from unified.train.weighting.weighting import Means, Observed, Weighting, Weights


class Uncertainty(Weighting):
    """
    Args:
        lr: rate of the descent on s.
        log_variance: task → s at the start; 0 where not given. JDE starts at −4.15 for detection (its confidence) and
            −2.3 for identity, FairMOT (arXiv 2004.01888) at −1.85 and −1.05.
    """

    s: Tensor

    def __init__(
        self, tasks: Sequence[str], *, lr: float = 0.01, log_variance: Mapping[str, float] | None = None
    ) -> None:
        super().__init__(tasks)
        start = log_variance or {}
        for task in start:
            if task not in self.tasks:
                raise ConfigError(f"joint.options.log_variance.{task}: no such task; {nearest(task, self.tasks)}")
        self.lr = lr
        self.register_buffer("s", torch.tensor([start.get(task, 0.0) for task in self.tasks]))
        self.seen = Means(len(self.tasks), persistent=False)

    def forward(self, observed: Observed) -> Weights:
        rows = self.rows(observed.losses)
        self.seen.add(rows, torch.stack([*observed.losses.values()]))
        return dict(zip(observed.losses, (-self.s[rows]).exp().unbind(), strict=True))

    @torch.no_grad()
    def end_update(self) -> None:
        losses, seen = self.seen.read()
        # The derivative of the objective is at most 1; as far down, too, or one large loss would be forgotten for good.
        slope = (1.0 - (-self.s).exp() * losses).clamp(min=-1.0)
        self.s -= self.lr * slope * seen
