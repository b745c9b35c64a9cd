"""Losses on vectors of length 1 with numbers, equal numbers meaning the same.

    supcon            arXiv 2004.11362          triplet           arXiv 1503.03832, semi-hard
    multi_similarity  arXiv 1904.06627          cross_entropy     of JDE, arXiv 1909.12605
    arcface           arXiv 1801.07698          cosface           arXiv 1801.09414

The first three compare the objects of a batch, and with `memory` also those of batches before (arXiv 1912.06798). The
others classify the identities of the training set by a matrix of one row each, which only training needs: folding the
model drops the loss and the matrix with it. All but JDE's come from pytorch-metric-learning.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .options import LossName

# Vectors (N, D), numbers (N,), and what they are compared with, (M, D) and (M,), themselves if not given → scalar.
Compare = Callable[..., Tensor]


class Dropped(nn.Module):
    """What is left of a loss in a folded model: nothing."""


class VectorLoss(nn.Module):
    """(vectors (N, D), numbers (N,)) → scalar, float32; 0 where no two objects can be compared."""

    def fold(self) -> nn.Module:
        return Dropped()


class ComparingLoss(VectorLoss):
    """A loss on pairs or triplets of objects; `memory` of the last M vectors, empty rows having the number -1."""

    past: Tensor  # (M, D)
    past_numbers: Tensor  # (M,)
    place: Tensor  # () where the next vector goes

    def __init__(self, name: LossName, dimension: int, *, temperature: float, margin: float, memory: int) -> None:
        super().__init__()
        self._options = (name, temperature, margin)
        self._compare: Compare | None = None
        self.register_buffer("past", torch.zeros(memory, dimension))
        self.register_buffer("past_numbers", torch.full((memory,), -1))
        self.register_buffer("place", torch.zeros((), dtype=torch.long))

    def forward(self, vectors: Tensor, numbers: Tensor) -> Tensor:
        if self._compare is None:  # the library costs seconds to import, and inference needs none of it
            self._compare = _comparison(*self._options)
        loss = self._compare(vectors, numbers)
        known = self.past_numbers >= 0
        if known.any():
            loss = loss + self._compare(vectors, numbers, self.past[known], self.past_numbers[known])
        if self.training and len(self.past):
            self._remember(vectors.detach(), numbers)
        return loss

    @torch.no_grad()
    def _remember(self, vectors: Tensor, numbers: Tensor) -> None:
        vectors, numbers = vectors[-len(self.past) :], numbers[-len(self.past) :]
        rows = (self.place + torch.arange(len(numbers), device=numbers.device)) % len(self.past)
        self.past[rows] = vectors.to(self.past.dtype)
        self.past_numbers[rows] = numbers
        self.place.copy_((self.place + len(numbers)) % len(self.past))


class IdentityCrossEntropy(VectorLoss):
    """JDE's: the vectors, stretched to a length that lets the softmax of `classes` get sharp, and a linear layer."""

    def __init__(self, dimension: int, classes: int) -> None:
        super().__init__()
        self.stretch = math.sqrt(2) * math.log(max(classes - 1, 2))
        self.classify = nn.Linear(dimension, classes)

    def forward(self, vectors: Tensor, numbers: Tensor) -> Tensor:
        return F.cross_entropy(self.classify(self.stretch * vectors), numbers)


class MarginLoss(VectorLoss):
    """ArcFace or CosFace."""

    def __init__(self, name: LossName, dimension: int, classes: int, *, margin: float, scale: float) -> None:
        from pytorch_metric_learning import losses

        super().__init__()
        self.classify: nn.Module
        if name == "arcface":
            self.classify = losses.ArcFaceLoss(classes, dimension, margin=math.degrees(margin), scale=scale)
        else:
            self.classify = losses.CosFaceLoss(classes, dimension, margin=margin, scale=scale)

    def forward(self, vectors: Tensor, numbers: Tensor) -> Tensor:
        loss: Tensor = self.classify(vectors, numbers)
        return loss


def _comparison(name: LossName, temperature: float, margin: float) -> Compare:
    from pytorch_metric_learning import distances, losses, miners

    if name == "supcon":
        return _mined(losses.SupConLoss(temperature), lambda *compared: None)  # all pairs
    if name == "multi_similarity":
        return _mined(losses.MultiSimilarityLoss(), miners.MultiSimilarityMiner())
    distance = distances.LpDistance()
    semi_hard = miners.TripletMarginMiner(margin, type_of_triplets="semihard", distance=distance)
    return _mined(losses.TripletMarginLoss(margin, distance=distance), semi_hard)


def _mined(loss: Compare, miner: Callable[..., tuple[Tensor, ...] | None]) -> Compare:
    def compare(vectors: Tensor, numbers: Tensor, *others: Tensor) -> Tensor:
        compared: Tensor = loss(vectors, numbers, miner(vectors, numbers, *others), *others)
        return compared

    return compare


def make_loss(
    name: LossName, dimension: int, classes: int, *, temperature: float, margin: float, scale: float, memory: int
) -> VectorLoss:
    """The loss called `name`; `classes` is the number of identities (or categories) of the training set."""
    if name == "cross_entropy":
        return IdentityCrossEntropy(dimension, classes)
    if name in ("arcface", "cosface"):
        return MarginLoss(name, dimension, classes, margin=margin, scale=scale)
    return ComparingLoss(name, dimension, temperature=temperature, margin=margin, memory=memory)
