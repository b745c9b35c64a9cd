"""Picking rows and objectness off a raw map."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tasks.detection.pick import Cell, pick


@pytest.fixture
def cell() -> Cell:
    """Five cells, one of them twice."""
    rows = torch.tensor([[0, 1, 2, 3], [1, 0, 0, 0], [1, 1, 3, 4], [0, 1, 2, 3], [0, 0, 0, 1]])
    image, anchor, row, column = rows.unbind(1)
    return image, anchor, row, column


def indexed(maps: Tensor, cell: Cell) -> tuple[Tensor, Tensor]:
    image, anchor, row, column = cell
    return maps[image, anchor, :, row, column], maps[:, :, 4]


def make_maps() -> Tensor:
    return torch.randn(2, 2, 8, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()


def test_picking_is_indexing(cell: Cell) -> None:
    maps = make_maps()
    for found, expected in zip(pick(maps, cell), indexed(maps, cell), strict=True):
        assert torch.equal(found, expected)


def test_its_gradient_is_that_of_indexing(cell: Cell) -> None:
    maps = make_maps()
    assert torch.autograd.gradcheck(lambda x: pick(x, cell), maps)
    assert torch.autograd.gradgradcheck(lambda x: tuple(y**2 for y in pick(x, cell)), maps)


def test_its_gradient_keeps_the_memory_format_of_the_map(cell: Cell) -> None:
    raw = torch.randn(2, 16, 4, 5).to(memory_format=torch.channels_last).requires_grad_()
    rows, objectness = pick(raw.view(2, 2, 8, 4, 5), cell)
    (rows.sum() + objectness.sum()).backward()
    assert raw.grad is not None
    assert raw.grad.is_contiguous(memory_format=torch.channels_last)


def test_its_gradient_is_the_same_each_time_whatever_threads_do() -> None:
    generator, before = torch.Generator().manual_seed(0), torch.get_num_threads()
    cell = tuple(torch.randint(0, most, (2000,), generator=generator) for most in (4, 3, 6, 6))
    image, anchor, row, column = cell
    maps, upstream = torch.randn(4, 3, 85, 10, 10, generator=generator), torch.randn(2000, 85, generator=generator)

    def gradient() -> Tensor:
        leaf = maps.clone().requires_grad_()
        rows, _ = pick(leaf, (image, anchor, row, column))
        (found,) = torch.autograd.grad(rows, leaf, upstream)
        return found

    torch.set_num_threads(4)
    try:
        first = gradient()
        assert all(gradient().equal(first) for _ in range(10))
    finally:
        torch.set_num_threads(before)
