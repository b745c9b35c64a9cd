from __future__ import annotations

import torch
import torch.nn.functional as F

from tasks.caption.memory import Memory, pool, positions
from unified.model.code_spec import CodeSpec

CHANNELS = {"p3": 6, "p4": 10}


def make(grid: int = 3) -> Memory:
    spec = {"align": CodeSpec(operator="add", sigma=0.5), "refine": CodeSpec(operator="mul", sigma=0.5)}
    return Memory(CHANNELS, 16, grid=grid, **spec).double()


def features(side: int) -> dict[str, torch.Tensor]:
    return {"p3": torch.randn(2, 6, side, side).double(), "p4": torch.randn(2, 10, side // 2, side // 2).double()}


def test_tokens_are_bounded_whatever_the_size_of_the_picture() -> None:
    memory = make(grid=4)
    assert [memory(features(side)).shape[1] for side in (2, 4, 8, 32)] == [5, 20, 32, 32]


def test_averaging_first_is_averaging_last() -> None:
    memory, seen = make(), features(12)
    tokens, start = memory(seen), 0
    for i, (level, project) in enumerate(memory.project.items()):
        cells = F.avg_pool2d(project(seen[level]), seen[level].shape[2] // 3)
        expected = cells.flatten(2).mT + positions(3, 3, 16).double() + memory.level[i]
        torch.testing.assert_close(tokens[:, start : start + 9], F.layer_norm(expected, (16,)))
        start += 9


def test_a_level_coarser_than_the_grid_is_taken_as_it_is() -> None:
    cells = torch.randn(1, 3, 2, 5)
    assert pool(cells, 8).equal(cells)
    assert pool(cells, 4).shape == (1, 3, 2, 4)


def test_every_cell_has_a_position_of_its_own_and_neighbours_are_alike() -> None:
    where = positions(8, 8, 32)
    distance = torch.cdist(where, where)
    assert (distance + 10 * torch.eye(64)).min() > 0.5
    assert distance[0, 1] < distance[0, 63] and distance[0, 8] < distance[0, 63]


def test_positions_are_of_the_picture_and_not_of_the_grid() -> None:
    torch.testing.assert_close(positions(1, 1, 16), positions(3, 3, 16)[4:5])
