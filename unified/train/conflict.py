"""Whether the tasks pull the trunk the same way: inner products of their losses' gradients at the trunk's features.

A pass through each head, none through the trunk: the gradient at a feature map stands for that of the parameters
beneath it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor, nn

LEAST = 1e-12  # norms below count as this in a cosine


@dataclass(frozen=True, slots=True)
class Conflict:
    """Gramians of the tasks' gradients, level by level: (levels, T, T)."""

    tasks: Sequence[str]
    levels: Sequence[str]
    gramians: Tensor

    def numbers(self) -> dict[str, float]:
        """{"cosine/p3/detection/tags": −1..1, "norm/p3/detection": ·, …}, and the same over "all" levels together."""
        found: dict[str, float] = {}
        for level, gramian in zip([*self.levels, "all"], [*self.gramians, self.gramians.sum(0)], strict=True):
            norms = gramian.diagonal().clamp(min=0).sqrt()
            cosines = gramian / torch.outer(norms, norms).clamp(min=LEAST**2)
            found |= {f"norm/{level}/{task}": float(norm) for task, norm in zip(self.tasks, norms, strict=True)}
            pairs = combinations(range(len(self.tasks)), 2)
            found |= {f"cosine/{level}/{self.tasks[i]}/{self.tasks[j]}": float(cosines[i, j]) for i, j in pairs}
        return found


@contextmanager
def tapped(trunk: nn.Module) -> Iterator[dict[str, Tensor]]:
    """The features that the trunk gives to the heads within the block, as a dict that fills up."""
    features: dict[str, Tensor] = {}

    def keep(module: nn.Module, inputs: object, outputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        # Of a frozen trunk, too, there is a gradient at the features.
        features.update({k: f if f.requires_grad else f.detach().requires_grad_() for k, f in outputs.items()})
        return dict(features)

    handle = trunk.register_forward_hook(keep)
    try:
        yield features
    finally:
        handle.remove()


def gramians(losses: Mapping[str, Tensor | None], features: Mapping[str, Tensor]) -> Tensor:
    """(levels, T, T) float32, from one backward pass of each loss to the features; a loss of None has gradient 0."""
    maps = list(features.values())
    gradients = [
        torch.autograd.grad(loss, maps, retain_graph=True, allow_unused=True, materialize_grads=True)
        if loss is not None and loss.requires_grad
        else [torch.zeros_like(f) for f in maps]
        for loss in losses.values()
    ]
    flat = (torch.stack([g.flatten() for g in level]).float() for level in zip(*gradients, strict=True))
    return torch.stack([rows @ rows.T for rows in flat])
