from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from tasks.caption.loss import certain_logits, cross_entropy, probability
from tasks.caption.target import NONE

TOKENS = torch.tensor([[2, 0, 1], [3, 1, NONE]])


def naive(logits: Tensor, smoothing: float) -> float:
    terms = []
    for row, tokens in zip(logits.double().tolist(), TOKENS.tolist(), strict=True):
        for scores, token in zip(row, tokens, strict=True):
            if token != NONE:
                total = sum(math.exp(score) for score in scores)
                logs = [score - math.log(total) for score in scores]
                terms.append(-(1 - smoothing) * logs[token] - smoothing * sum(logs) / len(logs))
    return sum(terms) / len(terms)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_the_smoothed_cross_entropy_of_the_tokens_there_are(smoothing: float) -> None:
    logits = torch.randn(2, 3, 5)
    assert cross_entropy(logits, TOKENS, label_smoothing=smoothing).item() == pytest.approx(naive(logits, smoothing))


def test_the_loss_is_exact_in_half_precision() -> None:
    logits = 30 * torch.randn(2, 3, 5).bfloat16()
    loss = cross_entropy(logits, TOKENS, label_smoothing=0.1)
    assert loss.dtype == torch.float32 and loss.item() == pytest.approx(naive(logits.float(), 0.1), rel=1e-5)


def test_a_certain_decoder_has_hardly_a_loss_and_is_sure() -> None:
    logits = certain_logits(TOKENS, 5)
    assert cross_entropy(logits, TOKENS, label_smoothing=0.0) < 1e-3
    assert (probability(logits, TOKENS) > 0.999).all()


def test_the_probability_is_the_geometric_mean_over_the_tokens() -> None:
    logits = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]]).log()[None]
    assert probability(logits, torch.tensor([[1, 1]])).item() == pytest.approx(math.sqrt(0.25 * 0.8))
    assert probability(logits, torch.tensor([[1, -1]])).item() == pytest.approx(0.25)
