"""Muon against its formulas."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from unified.train.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(6, 20), (20, 6), (8, 8), (1, 5), (5, 1)])
def test_singular_values_come_near_one_and_vectors_stay(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    matrix = torch.randn(shape, dtype=torch.float64)
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    found = u.T @ orthogonal([matrix])[0] @ v.T
    assert found.diagonal()[s > 0.05 * s[0]].sub(1).abs().max() < 0.35
    assert found.sub(found.diagonal().diag()).abs().max() < 1e-9


def test_matrices_of_all_shapes_are_orthogonalised_together_as_alone() -> None:
    stacks = [torch.randn(*shape, dtype=torch.float64) for shape in ((3, 4, 9), (2, 4, 5), (9, 4), (1, 6, 6))]
    for stack, found in zip(stacks, orthogonal(stacks), strict=True):
        alone = [orthogonal([matrix])[0] for matrix in stack.view(-1, *stack.shape[-2:])]
        assert torch.allclose(found, torch.stack(alone).view_as(stack), atol=1e-12)


def test_a_gradient_of_zero_moves_nothing() -> None:
    assert not orthogonal([torch.zeros(3, 4)])[0].any()


def groups(matrix: nn.Parameter, other: nn.Parameter) -> list[dict[str, object]]:
    return [
        {"params": [matrix], "orthogonal": True, "weight_decay": 0.1},
        {"params": [other], "orthogonal": False, "weight_decay": 0.1},
    ]


def test_kernels_move_by_the_orthogonalised_momentum() -> None:
    torch.manual_seed(0)
    kernel = nn.Parameter(torch.randn(4, 3, 3, 3, dtype=torch.float64))
    optimizer = Muon(groups(kernel, nn.Parameter(torch.zeros(1))), lr=0.01, betas=(0.9, 0.99))
    expected, momentum = kernel.detach().clone(), torch.zeros(4, 27, dtype=torch.float64)
    for _ in range(3):
        kernel.grad = torch.randn_like(kernel)
        gradient = kernel.grad.reshape(4, 27)
        momentum = 0.9 * momentum + 0.1 * gradient
        update = orthogonal([0.9 * momentum + 0.1 * gradient])[0] * 0.2 * math.sqrt(27)
        expected = expected * (1 - 0.01 * 0.1) - 0.01 * update.reshape(expected.shape)
        optimizer.step()
    assert torch.allclose(kernel, expected, atol=1e-12)


def test_an_update_is_as_large_as_adamw_s() -> None:
    torch.manual_seed(0)
    kernel = nn.Parameter(torch.zeros(64, 32, 3, 3))
    optimizer = Muon(groups(kernel, nn.Parameter(torch.zeros(1))), lr=1.0, betas=(0.9, 0.99))
    kernel.grad = 1e-3 * torch.randn_like(kernel)
    optimizer.step()
    assert 0.1 < kernel.square().mean().sqrt() < 0.3


def test_all_else_moves_as_with_adamw() -> None:
    torch.manual_seed(0)
    start = torch.randn(7)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    optimizer = Muon(groups(nn.Parameter(torch.zeros(2, 2)), ours), lr=0.01, betas=(0.9, 0.99))
    reference = torch.optim.AdamW([theirs], lr=0.01, betas=(0.9, 0.99), weight_decay=0.1)
    for _ in range(5):
        gradient = torch.randn(7)
        ours.grad, theirs.grad = gradient, gradient.clone()
        optimizer.step()
        reference.step()
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_what_has_no_gradient_stands_still() -> None:
    still = nn.Parameter(torch.ones(2, 2))
    Muon(groups(still, nn.Parameter(torch.zeros(1))), lr=1.0, betas=(0.9, 0.99)).step()
    assert torch.equal(still, torch.ones(2, 2))
