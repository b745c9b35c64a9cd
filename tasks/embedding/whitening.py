"""Learnt whitening: what differs within an identity counts less.

    v' = C_λ^(−1/2) (v − m) / ‖·‖,    C_λ = C + λ (tr C / D) I,    C = E[(v − v̄)(v − v̄)ᵀ] within an identity

m is the mean of all vectors. Learnt whitening of image retrieval (Mikolajczyk and Matas, ICCV 2007; arXiv 1711.02512,
§3.3), which is Fisher's discriminant with shrinkage. Where identities are few, a loss cannot teach a network what to
overlook on those that it has never seen; how the vectors of one identity scatter says it in closed form.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Whitening(nn.Module):
    """Vectors (N, D) → (N, D) of length 1, whitened once `fit` was called; in training as they are."""

    mean: Tensor  # (D,), m
    within: Tensor  # (D, D), C

    def __init__(self, dimension: int, shrinkage: float) -> None:
        super().__init__()
        self.shrinkage = shrinkage
        self.register_buffer("mean", torch.zeros(dimension))
        self.register_buffer("within", torch.eye(dimension))

    def forward(self, vectors: Tensor) -> Tensor:
        if self.training:
            return vectors
        return F.normalize((vectors - self.mean) @ self.matrix().to(vectors), dim=1)

    @torch.no_grad()  # and on the CPU: not every device has float64
    def fit(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Measure m and C on batches of vectors (N, D) and numbers (N,), equal numbers meaning the same in all of them.

        Where no vector has another of its number, or none that differs, nothing changes.
        """
        seen = [(vectors.cpu().double(), numbers.cpu()) for vectors, numbers in batches]
        if not seen:
            return
        vectors, numbers = (torch.cat(parts) for parts in zip(*seen, strict=True))
        _, group, sizes = numbers.unique(return_inverse=True, return_counts=True)
        freedom = len(vectors) - len(sizes)
        if freedom:
            sums = vectors.new_zeros(len(sizes), len(self.mean)).index_add_(0, group, vectors)
            strayed = vectors - (sums / sizes[:, None])[group]
            within = strayed.T @ strayed / freedom
            if within.trace() > 0:
                self.mean.copy_(vectors.mean(0))
                self.within.copy_(within)

    def matrix(self) -> Tensor:
        """(D, D) float64 on the CPU, symmetric: C_λ^(−1/2)."""
        values, axes = torch.linalg.eigh(self.within.cpu().double())
        values = values.clamp(min=0.0)
        matrix: Tensor = axes * (values + self.shrinkage * values.mean()).rsqrt() @ axes.T
        return matrix

    def fold(self) -> nn.Module:
        """Mean and matrix as one layer."""
        matrix = self.matrix()
        layer = nn.Linear(len(matrix), len(matrix)).to(self.within)
        with torch.no_grad():
            layer.weight.copy_(matrix)
            layer.bias.copy_(-matrix @ self.mean.cpu().double())
        return nn.Sequential(layer, UnitLength()).train(self.training)


class UnitLength(nn.Module):
    """Vectors (N, D) → of length 1."""

    def forward(self, vectors: Tensor) -> Tensor:
        return F.normalize(vectors, dim=1)
