"""Muon: momentum, orthogonalised, for kernels and matrices; AdamW for everything else.

    M ← β M + (1 − β) G,    U = orth(β M + (1 − β) G),    W ← (1 − η λ) W − η · 0.2 √max(m, n) · U

orth replaces the singular values of an (m, n) matrix by about 1, so that directions which are rare in the gradient
count as much as frequent ones (https://kellerjordan.github.io/posts/muon/): on the generated shapes, half as many
pictures as with AdamW teach as much. The factor makes an update as large as AdamW's, whose rate and decay
therefore fit (arXiv 2502.16982). A convolution's kernel is the matrix (out, in · k · k).

In float32: torch's and timm's own compute in bfloat16, which CPUs without such units emulate, many times slower.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

QUINTIC = (3.4445, -4.7750, 2.0315)  # of the Newton-Schulz iteration; steep at 0 rather than exact at 1
ITERATIONS = 5
UPDATE_RMS = 0.2  # of an AdamW update, about
EPS = 1e-8


class Muon(Optimizer):
    """Groups with `orthogonal: True` hold kernels and matrices; the others are updated by AdamW at the same rate.

    `betas` are AdamW's; the first is also the momentum of the orthogonal groups.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], *, lr: float, betas: tuple[float, float]) -> None:
        super().__init__(groups, {"lr": lr, "betas": betas, "weight_decay": 0.0, "orthogonal": False})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update from the gradients at hand; `closure` is not supported."""
        if closure is not None:
            raise ValueError("Muon takes no closure: one gradient an update")
        for group in self.param_groups:
            update = self._muon if group["orthogonal"] else self._adam
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.mul_(1.0 - group["lr"] * group["weight_decay"])
                    parameter.sub_(update(parameter, parameter.grad, *group["betas"]), alpha=group["lr"])
        return None

    def _muon(self, parameter: Tensor, gradient: Tensor, momentum: float, _: float) -> Tensor:
        state = self.state[parameter]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        mean = state["momentum_buffer"].lerp_(gradient, 1.0 - momentum)
        matrix = gradient.lerp(mean, momentum).flatten(1)
        scale = UPDATE_RMS * math.sqrt(max(matrix.shape))
        update: Tensor = orthogonal(matrix).mul_(scale).view(parameter.shape)
        return update

    def _adam(self, parameter: Tensor, gradient: Tensor, beta1: float, beta2: float) -> Tensor:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros(())
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
            # β₁ rises in the warm-up, so what the mean lacks of weight 1 is a product, not a power.
            state["unseen"] = torch.ones(())
        state["step"] += 1
        state["unseen"] *= beta1
        mean: Tensor = state["exp_avg"].lerp_(gradient, 1.0 - beta1)
        square: Tensor = state["exp_avg_sq"].lerp_(gradient.square(), 1.0 - beta2)
        unbiased = square / (1.0 - beta2 ** state["step"].item())
        return mean / (1.0 - state["unseen"].item()) / (unbiased.sqrt() + EPS)


def orthogonal(matrix: Tensor) -> Tensor:
    """(m, n) with the singular vectors of `matrix`, and singular values between about 0.7 and 1.2 in place of its own.

    The smallest, under a thousandth of the largest, stay below.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp(min=1e-7)  # no singular value above 1
    a, b, c = QUINTIC
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T.contiguous() if tall else x
