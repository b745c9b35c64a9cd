"""FAMO, fast adaptive multitask optimization: arXiv 2306.03792, algorithm 1.

    min_θ Σ_t z_t log L_t,    z = softmax(ξ),    ξ ← ξ − β (Jᵀδ + γ ξ),    δ_t = log L_t(θ) − log L_t(θ')

J is the Jacobian of the softmax, θ' the model after the update: the task that fell least counts more. Weights
w_t = c · z_t / L_t add up to the number of tasks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from unified.train.weighting.weighting import Observed, Weighting, Weights

SMALLEST = 1e-8  # a loss below counts as this: its logarithm is taken


class Famo(Weighting):
    """
    Args:
        lr: β; 0.025 in the paper.
        decay: γ; 0.001 in the paper, which pulls ξ back to even weights.
    """

    looks_back = True
    xi: Tensor

    def __init__(self, tasks: Sequence[str], *, lr: float = 0.025, decay: float = 0.001) -> None:
        super().__init__(tasks)
        self.lr = lr
        self.decay = decay
        self.register_buffer("xi", torch.zeros(len(self.tasks)))
        self._before: dict[str, Tensor] = {}

    def forward(self, observed: Observed) -> Weights:
        self._before = dict(observed.losses)
        z = torch.softmax(self.xi[self.rows(observed.losses)], 0)
        shares = z / _positive(observed.losses)
        weights = len(z) * shares / shares.sum()
        return dict(zip(observed.losses, weights.unbind(), strict=True))

    @torch.no_grad()
    def look_back(self, losses: Mapping[str, Tensor]) -> None:
        both = {task: loss for task, loss in self._before.items() if task in losses}
        if len(both) < 2:
            return
        rows = self.rows(both)
        delta = _positive(both).log() - _positive({task: losses[task] for task in both}).log()
        z = torch.softmax(self.xi[rows], 0)
        slope = z * (delta - (z * delta).sum())
        self.xi[rows] -= self.lr * (slope + self.decay * self.xi[rows])


def _positive(losses: Mapping[str, Tensor]) -> Tensor:
    return torch.stack([*losses.values()]).float().clamp(min=SMALLEST)
