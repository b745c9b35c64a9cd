from __future__ import annotations

import math
from itertools import product
from typing import get_args

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from tasks.embedding.loss import ComparingLoss, IdentityCrossEntropy, VectorLoss, make_loss
from tasks.embedding.options import LossName
from unified.model.fold import fold


def loss(name: LossName, *, memory: int = 0) -> VectorLoss:
    torch.manual_seed(0)
    return make_loss(name, 8, 5, temperature=0.1, margin=0.2, scale=30.0, memory=memory)


def batch(count: int = 20, seed: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    vectors = normalize(torch.randn(count, 8, generator=generator), dim=1)
    return vectors, torch.randint(0, 5, (count,), generator=generator)


def test_supcon_equals_its_formula() -> None:
    vectors, numbers = batch()
    terms = []
    for i in range(len(vectors)):
        others = [a for a in range(len(vectors)) if a != i]
        alike = [a for a in others if numbers[a] == numbers[i]]
        below = math.log(sum(math.exp(float(vectors[i] @ vectors[a]) / 0.1) for a in others))
        if alike:
            terms.append(-sum(float(vectors[i] @ vectors[a]) / 0.1 - below for a in alike) / len(alike))

    assert float(loss("supcon")(vectors, numbers)) == pytest.approx(sum(terms) / len(terms), rel=1e-4)


def test_triplets_are_semi_hard() -> None:
    vectors, numbers = batch()
    terms = []
    for a, p, n in product(range(len(vectors)), repeat=3):
        if a != p and numbers[a] == numbers[p] and numbers[n] != numbers[a]:
            near, far = float((vectors[a] - vectors[p]).norm()), float((vectors[a] - vectors[n]).norm())
            if near < far <= near + 0.2:
                terms.append(near - far + 0.2)
    terms = [term for term in terms if term > 0]

    assert float(loss("triplet")(vectors, numbers)) == pytest.approx(sum(terms) / len(terms), rel=1e-3)


def test_identity_cross_entropy_stretches_as_jde_does() -> None:
    criterion = IdentityCrossEntropy(8, 5)
    vectors, numbers = batch()

    logits = math.sqrt(2) * math.log(4) * vectors @ criterion.classify.weight.T + criterion.classify.bias

    torch.testing.assert_close(criterion(vectors, numbers), torch.nn.functional.cross_entropy(logits, numbers))


@pytest.mark.parametrize("name", get_args(LossName))
def test_training_brings_together_what_is_the_same(name: LossName) -> None:
    criterion, numbers = loss(name), torch.arange(20) % 5
    free = torch.nn.Parameter(torch.randn(20, 8))
    optimizer = torch.optim.Adam([free, *criterion.parameters()], lr=0.05)
    for _ in range(150):
        optimizer.zero_grad()
        criterion(normalize(free, dim=1), numbers).backward()
        optimizer.step()

    cosines = normalize(free.detach(), dim=1) @ normalize(free.detach(), dim=1).T
    same = numbers[:, None] == numbers
    assert cosines[same].mean() > cosines[~same].mean() + 0.3


@pytest.mark.parametrize("name", get_args(LossName))
def test_one_object_alone_is_no_trouble(name: LossName) -> None:
    vectors = batch(1)[0].requires_grad_()

    value = loss(name)(vectors, torch.tensor([3]))
    value.backward()

    assert torch.isfinite(value)


def test_the_memory_is_compared_with_and_forgets_the_oldest() -> None:
    criterion = loss("supcon", memory=30)
    assert isinstance(criterion, ComparingLoss)
    first, second, third = batch(20, 1), batch(20, 2), batch(20, 3)
    alone = loss("supcon")(*second)

    criterion(*first)
    assert criterion(*second) > alone

    assert int((criterion.past_numbers >= 0).sum()) == 30
    criterion(*third)
    kept = {tuple(row) for row in criterion.past.tolist()}
    assert kept == {tuple(row) for row in torch.cat([second[0][10:], third[0]]).tolist()}


def test_evaluation_leaves_the_memory_alone() -> None:
    criterion = loss("supcon", memory=30).eval()
    criterion(*batch())
    assert int((criterion.past_numbers if isinstance(criterion, ComparingLoss) else torch.zeros(1)).max()) == -1


@pytest.mark.parametrize("name", get_args(LossName))
def test_a_folded_model_has_no_matrix_of_classes(name: LossName) -> None:
    holder = torch.nn.Sequential(loss(name, memory=4 if name == "supcon" else 0))

    assert not list(fold(holder).state_dict())
