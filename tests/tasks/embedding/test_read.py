from __future__ import annotations

import pytest
import torch
from torch.nn.functional import normalize

from tasks.embedding.read import jittered, read_vectors


def test_a_vector_is_the_mean_of_the_map_over_its_box() -> None:
    torch.manual_seed(0)
    maps = torch.randn(2, 8, 6, 10)
    box = torch.tensor([[16.0, 8, 48, 40]])  # columns 2..5 and rows 1..4 at stride 8

    (vector,) = read_vectors(maps, box, torch.tensor([1]), stride=8, grid=1)

    torch.testing.assert_close(vector, normalize(maps[1, :, 1:5, 2:6].mean((1, 2)), dim=0), atol=1e-5, rtol=0)


def test_with_a_grid_each_quarter_of_the_box_gives_a_quarter_of_the_vector() -> None:
    maps = torch.randn(1, 8, 4, 4)
    box = torch.tensor([[0.0, 0, 32, 32]])

    (vector,) = read_vectors(maps, box, torch.tensor([0]), stride=8, grid=2)

    groups = maps[0].view(2, 2, 2, 4, 4)  # D/k², i, j
    quarters = [groups[:, i, j, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].mean((1, 2)) for i in (0, 1) for j in (0, 1)]
    expected = torch.stack(quarters, 1).flatten()
    torch.testing.assert_close(vector, normalize(expected, dim=0), atol=1e-5, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_vectors_have_length_one_whatever_the_precision(dtype: torch.dtype) -> None:
    boxes = torch.tensor([[0.0, 0, 5, 5], [3, 3, 60, 30], [-10, -10, 90, 90]])
    vectors = read_vectors(torch.randn(1, 16, 8, 8).to(dtype), boxes, torch.zeros(3).long(), stride=8, grid=1)

    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3, dtype=vectors.dtype), atol=1e-5, rtol=0)


def test_no_box_gives_no_vector() -> None:
    none = torch.zeros(0)
    assert read_vectors(torch.randn(1, 8, 4, 4), none.view(0, 4), none.long(), stride=8, grid=1).shape == (0, 8)


def test_jitter_moves_every_edge_by_at_most_its_share() -> None:
    torch.manual_seed(0)
    boxes = torch.tensor([[10.0, 20, 30, 60]]).repeat(500, 1)

    moved = (jittered(boxes, 0.1) - boxes).abs()

    assert moved[:, ::2].max() <= 2 and moved[:, 1::2].max() <= 4
    assert moved[:, ::2].max() > 1.8 and moved[:, 1::2].max() > 3.6
