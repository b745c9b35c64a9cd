from __future__ import annotations

import numpy as np
import pytest

from unified.index.ann import Ann, exact
from unified.index.backend import Effort
from unified.index.measure import clustered
from unified.index.policy import AIM, Policy, recall, tune


@pytest.mark.parametrize(
    ("count", "dimension", "kind"),
    [
        (1, 128, "Flat"),
        (50_000, 128, "Flat"),
        (50_001, 128, "IVF1024,Flat"),
        (400_000, 128, "IVF2048,Flat"),
        (1_000_000, 128, "IVF4096,PQ64x4fs,RFlat"),
        (1_000_000, 63, "IVF4096,Flat"),
        (10_000_000, 256, "IVF16384,PQ128x4fs,RFlat"),
    ],
)
def test_the_size_decides_the_structure(count: int, dimension: int, kind: str) -> None:
    assert Policy().kind(count, dimension) == kind


def test_the_least_effort_that_finds_enough_is_measured() -> None:
    vectors, queries = clustered(8_000, 200, 16)
    truth = exact(queries, vectors, 10)[1]
    for kind in ("IVF64,Flat", "IVF64,PQ8x4fs,RFlat"):
        ann = Ann.build(vectors, kind)
        effort, measured = tune(ann, vectors)
        assert measured >= AIM
        assert effort.nprobe is not None and effort.nprobe < 64
        found = ann.search(queries, 10, effort)[1]
        assert recall(found, truth, without=np.full(200, -1)) >= 0.97
        less = ann.search(queries, 10, Effort(1, 1))[1]
        assert recall(less, truth, without=np.full(200, -1)) < 0.9


def test_flat_finds_all() -> None:
    vectors, _ = clustered(100, 1, 8)
    assert tune(Ann.build(vectors, "Flat"), vectors) == (Effort(), 1.0)


def test_recall_is_the_mean_share_that_was_found_the_query_itself_left_out() -> None:
    truth = np.array([[7, 1, 2], [8, 3, 4]])
    found = np.array([[7, 1, 9], [8, 4, 3]])
    assert recall(found, truth, without=np.array([7, 8])) == pytest.approx((1 / 2 + 1) / 2)
    assert recall(found, truth, without=np.array([-1, -1])) == pytest.approx((2 / 3 + 1) / 2)
