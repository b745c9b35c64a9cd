"""Learnt whitening: what differs within an identity counts less.

    v' = C_λ^(−1/2) v / ‖·‖,    C_λ = C + λ (tr C / D) I,    C = E[(v − v̄)(v − v̄)ᵀ] within an identity

Learnt whitening of image retrieval (Mikolajczyk and Matas, ICCV 2007; arXiv 1711.02512, §3.3), which is Fisher's
discriminant with shrinkage. Where identities are few, a loss cannot teach a network what to overlook on identities that
it has never seen; how the vectors of one identity scatter says it in closed form. C is gathered while training, as a
batch norm gathers its statistics; the loss sees the vectors as they are.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MOMENTUM = 0.05  # of a batch in C


class Whitening(nn.Module):
    """Vectors (N, D) → (N, D) of length 1; in training as they are."""

    within: Tensor  # (D, D), C

    def __init__(self, dimension: int, shrinkage: float) -> None:
        super().__init__()
        self.shrinkage = shrinkage
        self.register_buffer("within", torch.eye(dimension) / dimension)

    def forward(self, vectors: Tensor) -> Tensor:
        return vectors if self.training else F.normalize(vectors @ self.matrix().to(vectors), dim=1)

    @torch.no_grad()
    def gather(self, vectors: Tensor, numbers: Tensor) -> None:
        """Take in a batch of vectors (N, D) with numbers (N,), equal numbers meaning the same."""
        _, group, sizes = numbers.unique(return_inverse=True, return_counts=True)
        freedom = len(vectors) - len(sizes)
        if not freedom:
            return
        sums = vectors.new_zeros(len(sizes), vectors.shape[1]).index_add_(0, group, vectors)
        strayed = vectors - (sums / sizes[:, None])[group]
        self.within.lerp_(strayed.T @ strayed / freedom, MOMENTUM)

    def matrix(self) -> Tensor:
        """(D, D) float64, symmetric: C_λ^(−1/2)."""
        values, axes = torch.linalg.eigh(self.within.double())
        values = values.clamp(min=0.0)
        matrix: Tensor = axes * (values + self.shrinkage * values.mean()).rsqrt() @ axes.T
        return matrix

    def fold(self) -> nn.Module:
        """The matrix as a layer."""
        matrix = self.matrix()
        layer = nn.Linear(len(matrix), len(matrix), bias=False).to(self.within)
        with torch.no_grad():
            layer.weight.copy_(matrix)
        return nn.Sequential(layer, UnitLength()).train(self.training)


class UnitLength(nn.Module):
    """Vectors (N, D) → of length 1."""

    def forward(self, vectors: Tensor) -> Tensor:
        return F.normalize(vectors, dim=1)
