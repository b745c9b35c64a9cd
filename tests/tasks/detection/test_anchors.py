"""Anchors: recall of the trunk's, fitting new ones, choosing between them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tasks.detection.anchors import (
    as_tensor,
    best_possible_recall,
    box_sizes,
    choose_anchors,
    fit_anchors,
    size_ratio,
)
from unified.data.sample import Labels, Objects, Record, Sample
from unified.errors import ConfigError

TRUNK = torch.tensor(
    [[[12.0, 16], [19, 36], [40, 28]], [[36, 75], [76, 55], [72, 146]], [[142, 110], [192, 243], [459, 401]]]
)


def lognormal(n: int, median: float, seed: int = 0) -> Tensor:
    return torch.exp(torch.randn(n, 2, generator=torch.Generator().manual_seed(seed)) * 0.5) * median


def test_size_ratio_is_the_worse_side() -> None:
    ratio = size_ratio(torch.tensor([[10.0, 20], [10, 0]]), torch.tensor([[20.0, 20], [10, 60]]))
    assert ratio.tolist() == [[2, float("inf")], [3, float("inf")]]


def test_recall_counts_boxes_that_some_anchor_matches() -> None:
    sizes = torch.tensor([[12.0, 16], [47, 63], [1, 1], [2000, 2000]])
    assert best_possible_recall(sizes, TRUNK, 4.0) == 0.5
    assert best_possible_recall(sizes[:0], TRUNK, 4.0) == 1.0


@pytest.mark.parametrize("median", [6.0, 60.0, 900.0])
def test_fitted_anchors_match_nearly_every_box(median: float) -> None:
    sizes = lognormal(500, median)
    anchors = fit_anchors(sizes, 3, 3)
    assert anchors.shape == (3, 3, 2)
    assert best_possible_recall(sizes, anchors, 4.0) > 0.99
    areas = anchors.prod(-1).flatten()
    assert (areas[1:] >= areas[:-1]).all()


def test_fitted_anchors_find_the_sizes_there_are() -> None:
    centres = torch.tensor([[5.0, 5], [10, 40], [50, 20], [100, 100]])
    sizes = centres.repeat(50, 1) * (1 + 0.01 * torch.randn(200, 2, generator=torch.Generator().manual_seed(1)))
    torch.testing.assert_close(fit_anchors(sizes, 2, 2).view(4, 2), centres, rtol=0.02, atol=0)


def test_fitting_is_deterministic_and_blind_to_the_order_of_the_boxes() -> None:
    sizes = lognormal(300, 40)
    shuffled = sizes[torch.randperm(300, generator=torch.Generator().manual_seed(2))]
    torch.testing.assert_close(fit_anchors(sizes, 3, 3), fit_anchors(shuffled, 3, 3))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_fewer_boxes_than_anchors_are_enough(count: int) -> None:
    sizes = lognormal(count, 40)
    anchors = fit_anchors(sizes, 3, 3)
    assert anchors.isfinite().all()
    assert (anchors > 0).all()
    assert best_possible_recall(sizes, anchors, 4.0) == 1.0


def test_the_policy_decides() -> None:
    fits, tiny = lognormal(200, 60), lognormal(200, 1.5)
    assert choose_anchors("auto", TRUNK, fits, 4.0) is TRUNK
    assert choose_anchors("trunk", TRUNK, tiny, 4.0) is TRUNK
    assert choose_anchors("fit", TRUNK, tiny[:0], 4.0) is TRUNK
    assert not torch.equal(choose_anchors("fit", TRUNK, fits, 4.0), TRUNK)
    assert best_possible_recall(tiny, TRUNK, 4.0) < 0.98
    assert best_possible_recall(tiny, choose_anchors("auto", TRUNK, tiny, 4.0), 4.0) > 0.98


def test_box_sizes_are_those_on_the_letterboxed_picture(make_sample: Callable[..., Sample]) -> None:
    """The pictures are 384 × 256: at an input of 96, a quarter of that. Crowds and specks are left out."""
    rows = [(0, 0, 40, 80, 0), (10, 10, 12, 60, 1), (0, 0, 90, 90, 2)]  # doubled on the picture
    records = [make_sample(rows, crowd=[False, False, True]).record, make_sample(None).record, make_sample([]).record]
    torch.testing.assert_close(box_sizes(records, 96), torch.tensor([[20.0, 40]]))
    assert box_sizes(records[1:], 96).shape == (0, 2)


def test_lists_of_anchors_must_fit_the_levels() -> None:
    assert as_tensor([[(1, 2), (3, 4)], [(5, 6), (7, 8)]], ["p3", "p4"]).shape == (2, 2, 2)
    with pytest.raises(ConfigError, match="anchors for 1 levels, but the trunk has 2: p3, p4"):
        as_tensor([[(1, 2)]], ["p3", "p4"])
    with pytest.raises(ConfigError, match="same number of anchors"):
        as_tensor([[(1, 2)], [(1, 2), (3, 4)]], ["p3", "p4"])


def test_a_record_of_any_size_counts() -> None:
    objects = Objects.make(torch.tensor([[0.0, 0, 500, 1000]]).double(), torch.zeros(1), (1000, 1000))
    record = Record(1, Path("a.jpg"), (1000, 1000), Labels(objects))
    torch.testing.assert_close(box_sizes([record], 320), torch.tensor([[160.0, 320]]))


def test_many_boxes_are_fitted_by_some_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = torch.rand(5000, 2, generator=torch.Generator().manual_seed(0)).mul(5).exp() * 4
    every = fit_anchors(sizes, 3, 3)
    monkeypatch.setattr("tasks.detection.anchors.FITTED", 1000)
    few = fit_anchors(sizes, 3, 3)
    assert not few.equal(every)
    assert abs(best_possible_recall(sizes, few, 4.0) - best_possible_recall(sizes, every, 4.0)) < 0.005
