"""CKA: its anchors, and the unbiased HSIC against its definition by loops."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
import torch
from torch import Tensor

from analysis.cka import association, linear_cka, p_value, unbiased_hsic

N = 64


def biased_cka(x: Tensor, y: Tensor) -> float:
    k, m = ((z - z.mean(0)) @ (z - z.mean(0)).T for z in (x, y))
    return float((k * m).sum() / (k.norm() * m.norm()))


def test_independent_data_have_cka_0_where_the_biased_estimate_does_not() -> None:
    pairs = [(torch.randn(N, 8), torch.randn(N, 8)) for _ in range(100)]
    mean = sum(linear_cka(x, y) for x, y in pairs) / len(pairs)
    assert abs(mean) < 0.02
    assert sum(biased_cka(x, y) for x, y in pairs) / len(pairs) > 0.1


def test_a_rotated_scaled_and_shifted_copy_has_cka_1() -> None:
    x = torch.randn(N, 16)
    rotation = torch.linalg.qr(torch.randn(16, 16)).Q
    assert linear_cka(x, 3 * x @ rotation + 5) == pytest.approx(1.0)
    assert p_value(x, x @ rotation, permutations=99) == pytest.approx(0.01)


def test_hsic_is_the_sum_over_all_different_quadruples() -> None:
    n = 6
    k, m = (a @ a.T for a in (torch.randn(n, 3).double(), torch.randn(n, 4).double()))
    total, count = 0.0, 0
    for i, j, q, r in permutations(range(n), 4):
        total += float(k[i, j] * (m[i, j] + m[q, r] - 2 * m[i, q]))
        count += 1
    zero_diagonal = [a.clone().fill_diagonal_(0) for a in (k, m)]
    assert float(unbiased_hsic(*zero_diagonal)) == pytest.approx(total / count)


def test_the_association_of_rows_differs_between_pairings_as_hsic_does() -> None:
    x, y = (a - a.mean(0) for a in (torch.randn(N, 5).double(), torch.randn(N, 7).double()))
    k, m = ((a @ a.T).fill_diagonal_(0) for a in (x, y))
    for order in (torch.randperm(N) for _ in range(5)):
        change = unbiased_hsic(k, m[order][:, order]) - unbiased_hsic(k, m)
        assert float(association(x, y[order]) - association(x, y)) == pytest.approx(float(change) * N * (N - 3))


def test_independent_data_have_p_values_spread_over_0_to_1() -> None:
    values = torch.tensor([p_value(torch.randn(20, 3), torch.randn(20, 3), permutations=39) for _ in range(60)])
    assert 0.35 < float(values.mean()) < 0.65 and float(values.min()) >= 1 / 40


def test_too_few_examples_or_none_that_differ_have_no_cka() -> None:
    assert math.isnan(linear_cka(torch.randn(3, 2), torch.randn(3, 2)))
    assert math.isnan(linear_cka(torch.ones(8, 2), torch.randn(8, 2)))
    assert math.isnan(p_value(torch.ones(8, 2), torch.randn(8, 2)))
