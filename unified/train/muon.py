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
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW

QUINTIC = (3.4445, -4.7750, 2.0315)  # of the Newton-Schulz iteration; steep at 0 rather than exact at 1
ITERATIONS = 5
UPDATE_RMS = 0.2  # of an AdamW update, about


class Muon(AdamW):
    """Groups with `orthogonal: True` hold kernels and matrices; the others are AdamW's, at the same rate.

    `betas` are AdamW's; the first is also the momentum of the orthogonal groups.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], *, lr: float, betas: tuple[float, float]) -> None:
        super().__init__(groups, lr=lr, betas=betas, weight_decay=0.0)
        for group in self.param_groups:
            group.setdefault("orthogonal", False)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update from the gradients at hand; there is no closure to call."""
        groups = self.param_groups
        for group in groups:
            if group["orthogonal"]:
                self._move(group["params"], group["lr"], group["betas"][0], group["weight_decay"])
        try:
            self.param_groups = [group for group in groups if not group["orthogonal"]]
            super().step(closure)
        finally:
            self.param_groups = groups

    def _move(self, parameters: Iterable[nn.Parameter], lr: float, momentum: float, weight_decay: float) -> None:
        """Matrices of one shape are stacked: a network has many small ones."""
        alike: dict[torch.Size, list[tuple[nn.Parameter, Tensor]]] = defaultdict(list)
        for parameter in parameters:
            if parameter.grad is not None:
                matrix = self._ahead(parameter, parameter.grad, momentum).flatten(1)
                alike[matrix.shape].append((parameter, matrix))
        stacks = orthogonal([torch.stack([matrix for _, matrix in members]) for members in alike.values()])
        for (shape, members), updates in zip(alike.items(), stacks, strict=True):
            for (parameter, _), update in zip(members, updates, strict=True):
                parameter.mul_(1.0 - lr * weight_decay)
                parameter.sub_(update.view(parameter.shape), alpha=lr * UPDATE_RMS * math.sqrt(max(shape)))

    def _ahead(self, parameter: nn.Parameter, gradient: Tensor, momentum: float) -> Tensor:
        """Nesterov's momentum: where the mean of the gradients will be if the next one is like this."""
        state = self.state[parameter]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        mean: Tensor = state["momentum_buffer"].lerp_(gradient, 1.0 - momentum)
        return gradient.lerp(mean, momentum)


def orthogonal(stacks: Sequence[Tensor]) -> list[Tensor]:
    """Each (…, m, n) with the same singular vectors, and singular values between about 0.7 and 1.2.

    The smallest, under a thousandth of the largest, stay below. Newton-Schulz: X ← (a + b XXᵀ + c (XXᵀ)²) X, all of it
    on the smaller Gramian, those of one size together whatever the other side, and X multiplied once at the end.
    """
    wide = [_unit(stack.mT if _tall(stack) else stack) for stack in stacks]
    of_side: dict[int, list[int]] = defaultdict(list)
    for i, x in enumerate(wide):
        of_side[x.shape[-2]].append(i)
    found = list(wide)
    for side, places in of_side.items():
        gramians = [(wide[i] @ wide[i].mT).view(-1, side, side) for i in places]
        products = _iterated(torch.cat(gramians)).split([len(gramian) for gramian in gramians])
        for i, product in zip(places, products, strict=True):
            x = product.view(*wide[i].shape[:-2], side, side) @ wide[i]
            found[i] = (x.mT if _tall(stacks[i]) else x).contiguous()
    return found


def _tall(matrices: Tensor) -> bool:
    return matrices.shape[-2] > matrices.shape[-1]


def _unit(x: Tensor) -> Tensor:
    """No singular value above 1; zeros stay zeros."""
    length: Tensor = torch.linalg.vector_norm(x, dim=(-2, -1), keepdim=True)
    return x / length.clamp(min=1e-7)


def _iterated(gramian: Tensor) -> Tensor:
    """(k, s, s) XXᵀ → what X has to be multiplied with."""
    step = product = _polynomial(gramian)
    for _ in range(ITERATIONS - 1):
        gramian = step @ gramian @ step
        step = _polynomial(gramian)
        product = step @ product
    return product


def _polynomial(gramian: Tensor) -> Tensor:
    """a + b G + c G²."""
    a, b, c = QUINTIC
    found = torch.baddbmm(gramian, gramian, gramian, beta=b, alpha=c)
    found.diagonal(dim1=-2, dim2=-1).add_(a)
    return found
