"""GradNorm: arXiv 1711.02257, algorithm 1.

    min_w Σ_t | w_t ‖g_t‖ − mean_i(w_i ‖g_i‖) · r_t^α |,    r_t = (L_t / L_t(0)) / mean_i(L_i / L_i(0))

g_t is the gradient of L_t at the trunk's features, where the paper takes the last shared layer. Norms are in units of
mean_i(w_i ‖g_i‖), so that one learning rate fits networks of every scale.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from unified.train.weighting.weighting import Means, Observed, Weighting, Weights

LOWEST = 1e-3  # a weight stays positive, as the paper asks for


class GradNorm(Weighting):
    """
    Args:
        alpha: how strongly tasks that learn slowly are pulled forward; 1.5 on NYUv2 in the paper.
        lr: rate of the descent on w; 0.025 in the paper.
    """

    needs_gradients = True
    w: Tensor
    start: Tensor

    def __init__(self, tasks: Sequence[str], *, alpha: float = 1.5, lr: float = 0.025) -> None:
        super().__init__(tasks)
        self.alpha = alpha
        self.lr = lr
        self.register_buffer("w", torch.ones(len(self.tasks)))
        self.register_buffer("start", torch.full((len(self.tasks),), float("nan")))  # L_t(0), its first above 0
        self.losses = Means(len(self.tasks), persistent=False)
        self.squares = Means(len(self.tasks), persistent=False)

    def forward(self, observed: Observed) -> Weights:
        assert observed.gramian is not None
        rows = self.rows(observed.losses)
        self.losses.add(rows, torch.stack([*observed.losses.values()]))
        self.squares.add(rows, observed.gramian.diagonal())
        return dict(zip(observed.losses, self.w[rows].unbind(), strict=True))

    @torch.no_grad()
    def end_update(self) -> None:
        losses, seen = self.losses.read()
        squares, _ = self.squares.read()
        self.start.copy_(torch.where(seen & self.start.isnan() & (losses > 0), losses, self.start))
        seen = seen & ~self.start.isnan()
        norms = squares.sqrt()[seen]
        if int(seen.sum()) < 2:
            return
        w = self.w[seen]
        progress = losses[seen] / self.start[seen]
        r = progress / progress.mean()
        unit = (w * norms).mean()
        if not (unit > 0 and progress.mean() > 0):
            return
        slope = norms / unit * torch.sign(w * norms / unit - r**self.alpha)
        moved = (w - self.lr * slope).clamp(min=LOWEST)
        self.w[seen] = moved * w.sum() / moved.sum()  # absent tasks keep their share
