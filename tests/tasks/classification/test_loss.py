"""Losses against plain loops, and their behaviour where numbers get extreme."""

from __future__ import annotations

import math
from typing import Literal

import pytest
import torch
from torch import Tensor

from tasks.classification.loss import MultiLabelLoss, asymmetric_loss

Kind = Literal["bce", "asl"]
FOCUSING = [(0.0, 4.0, 0.05), (1.0, 2.0, 0.2), (0.0, 0.0, 0.0), (0.5, 0.5, 0.1), (2.0, 3.0, 0.0)]


def criterion(
    kind: Kind, gamma_positive: float = 0.0, gamma_negative: float = 4.0, margin: float = 0.05
) -> MultiLabelLoss:
    return MultiLabelLoss(kind=kind, gamma_positive=gamma_positive, gamma_negative=gamma_negative, margin=margin)


def target_of(present: Tensor, labelled: list[bool] | None = None) -> dict[str, Tensor]:
    return {"present": present, "labelled": torch.tensor(labelled or [True] * len(present))}


def naive(x: float, present: bool, gamma_positive: float, gamma_negative: float, margin: float) -> float:
    p = 1 / (1 + math.exp(-x))
    if present:
        return -math.pow(1 - p, gamma_positive) * math.log(p)
    p_m = max(p - margin, 0.0)
    return -math.pow(p_m, gamma_negative) * math.log(1 - p_m)


def random_decisions(rows: int = 6, columns: int = 5) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = 3 * torch.randn(rows, columns, generator=generator, dtype=torch.float64)
    return x, torch.rand(rows, columns, generator=generator) < 0.4


@pytest.mark.parametrize("focusing", FOCUSING)
def test_the_asymmetric_loss_equals_a_plain_loop(focusing: tuple[float, float, float]) -> None:
    x, present = random_decisions()
    cells = zip(x.flatten().tolist(), present.flatten().tolist(), strict=True)
    expected = sum(naive(logit, truth, *focusing) for logit, truth in cells) / x.numel()

    loss = criterion("asl", *focusing)(x, target_of(present))["asl"]

    assert loss.item() == pytest.approx(expected, rel=1e-9)


def test_binary_cross_entropy_equals_a_plain_loop() -> None:
    x, present = random_decisions()
    cells = zip(x.flatten().tolist(), present.flatten().tolist(), strict=True)
    expected = sum(naive(logit, truth, 0, 0, 0) for logit, truth in cells) / x.numel()

    loss = criterion("bce")(x, target_of(present))["bce"]

    assert loss.item() == pytest.approx(expected, rel=1e-9)


def test_the_asymmetric_loss_without_focusing_is_binary_cross_entropy() -> None:
    x, present = random_decisions()
    target = target_of(present)

    assert criterion("asl", 0, 0, 0)(x, target)["asl"] == pytest.approx(criterion("bce")(x, target)["bce"].item())


@pytest.mark.parametrize("focusing", FOCUSING)
def test_the_asymmetric_gradient_is_right(focusing: tuple[float, float, float]) -> None:
    x, present = random_decisions(2, 4)
    positive, negative, margin = focusing

    def loss(logits: Tensor) -> Tensor:
        return asymmetric_loss(logits, present, gamma_positive=positive, gamma_negative=negative, margin=margin)

    assert torch.autograd.gradcheck(loss, x.requires_grad_())


def test_easy_negatives_do_not_count_at_all() -> None:
    x = torch.tensor([[-3.5, -20.0]], requires_grad=True)  # probabilities 0.03 and 2e-9, below the margin

    loss = criterion("asl")(x, target_of(torch.tensor([[False, False]])))["asl"]
    loss.backward()

    assert loss == 0
    assert x.grad is not None and x.grad.abs().sum() == 0


@pytest.mark.parametrize("kind", ["bce", "asl"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("margin", [0.05, 0.0])
def test_extreme_logits_under_autocast_give_a_finite_loss_and_gradient(
    kind: Kind, dtype: torch.dtype, margin: float
) -> None:
    extreme = torch.tensor([[50.0, -50.0, 0.0, 300.0, -300.0]], dtype=dtype).repeat(2, 1).requires_grad_()
    present = torch.tensor([[True] * 5, [False] * 5])

    with torch.autocast("cpu", torch.bfloat16):
        loss = criterion(kind, margin=margin)(extreme, target_of(present))[kind]
    loss.backward()

    assert loss.dtype == torch.float32
    assert loss.isfinite()
    assert extreme.grad is not None and extreme.grad.isfinite().all()


@pytest.mark.parametrize("kind", ["bce", "asl"])
def test_unlabelled_pictures_neither_count_nor_get_a_gradient(kind: Kind) -> None:
    x, present = random_decisions(4)
    x.requires_grad_()
    labelled = [True, False, True, False]

    some = criterion(kind)(x, target_of(present, labelled))[kind]
    some.backward()

    only = criterion(kind)(x[[0, 2]], target_of(present[[0, 2]]))[kind]
    assert some.item() == pytest.approx(only.item(), rel=1e-12)
    assert x.grad is not None and x.grad[[1, 3]].abs().sum() == 0


@pytest.mark.parametrize("kind", ["bce", "asl"])
def test_a_batch_without_labels_has_no_loss(kind: Kind) -> None:
    x, present = random_decisions(2)

    assert criterion(kind)(x, target_of(present, [False, False])) == {}


@pytest.mark.parametrize("kind", ["bce", "asl"])
def test_the_loss_does_not_grow_with_pictures_or_categories(kind: Kind) -> None:
    x, present = random_decisions()
    once = criterion(kind)(x, target_of(present))[kind]

    tiled = criterion(kind)(x.repeat(2, 3), target_of(present.repeat(2, 3)))[kind]

    assert tiled.item() == pytest.approx(once.item(), rel=1e-12)
