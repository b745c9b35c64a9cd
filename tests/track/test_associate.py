from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from unified.track.associate import appearance_cost, iou_cost, match, within_classes
from unified.track.kalman import Array


def cheapest(cost: Array, limit: float) -> float:
    """By trying every assignment: what it costs when a pair that is not made costs `limit`."""
    if cost.shape[0] > cost.shape[1]:
        cost = cost.T
    n, m = cost.shape
    sums = [sum(min(cost[i, j], limit) for i, j in enumerate(order)) for order in itertools.permutations(range(m), n)]
    return min(sums)


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 4), (4, 2)])
def test_the_match_is_the_cheapest_of_all(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        cost = rng.uniform(0, 1, shape)
        cost[rng.uniform(size=shape) < 0.2] = np.inf
        rows, columns = match(cost, 0.7)
        assert (cost[rows, columns] <= 0.7).all()
        assert len(set(rows)) == len(rows) and len(set(columns)) == len(columns)
        total = cost[rows, columns].sum() + 0.7 * (min(shape) - len(rows))
        assert total == pytest.approx(cheapest(cost, 0.7))


def test_where_nothing_is_allowed_nothing_is_matched() -> None:
    assert [len(side) for side in match(np.full((2, 3), np.inf), 1.0)] == [0, 0]
    assert [len(side) for side in match(np.empty((0, 3)), 1.0)] == [0, 0]


def test_the_overlap_is_torchvisions() -> None:
    rng = np.random.default_rng(1)
    low = rng.uniform(0, 10, (9, 2))
    boxes = np.concatenate([low, low + rng.uniform(1, 10, (9, 2))], 1)
    expected = 1 - box_iou(torch.tensor(boxes[:4]), torch.tensor(boxes[4:])).numpy()
    assert iou_cost(boxes[:4], boxes[4:]) == pytest.approx(expected)
    point = np.array([[3.0, 3, 3, 3]])
    assert iou_cost(point, point) == 1


def test_appearance_counts_only_within_the_gate_of_the_motion() -> None:
    looks, motion = np.array([[0.4, 0.0]]), np.array([[2.0, 9.6]])
    cost = appearance_cost(looks, motion, weight=0.98, gate=9.4877)
    assert cost[0, 0] == pytest.approx(0.98 * 0.4 + 0.02 * 2.0)
    assert cost[0, 1] == np.inf


def test_classes_never_meet() -> None:
    cost = within_classes(np.zeros((2, 3)), np.array([0, 1]), np.array([1, 0, 2]))
    assert np.isfinite(cost).tolist() == [[False, True, False], [True, False, False]]
