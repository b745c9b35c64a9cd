from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from unified.ops.rerank import Reranking


def planted(count: int, groups: int, noise: float, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((groups, 16))[rng.integers(groups, size=count)]
    vectors += noise * rng.standard_normal(vectors.shape)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def naive(vectors: NDArray[np.float32], k: int) -> NDArray[np.float64]:
    """By the paper's equations, one pair after the other, in sets."""
    count = len(vectors)
    cosines = (vectors @ vectors.T).astype(np.float64)
    np.fill_diagonal(cosines, np.inf)
    order = np.argsort(-cosines, axis=1, kind="stable").tolist()
    np.fill_diagonal(cosines, 1)

    def mutual(i: int, k: int) -> set[int]:
        return {j for j in order[i][: k + 1] if i in order[j][: k + 1]}

    weights = np.zeros((count, count))
    for i in range(count):
        wide = set(own := mutual(i, k))
        for j in own:
            half = mutual(j, round(k / 2))
            if len(own & half) >= 2 / 3 * len(half):
                wide |= half
        for j in wide:
            weights[i, j] = np.exp(cosines[i, j] - 1)
        weights[i] /= weights[i].sum()
    weights = np.stack([weights[order[i][: max(1, round(0.3 * k))]].mean(0) for i in range(count)])
    jaccard = np.array([[np.minimum(a, b).sum() / np.maximum(a, b).sum() for b in weights] for a in weights])
    return 0.7 * jaccard + 0.3 * cosines


@pytest.mark.parametrize("k", [1, 4, 9, 20])
def test_similarities_are_those_of_the_papers_equations(k: int) -> None:
    vectors = planted(60, 7, 0.8)

    found = Reranking(vectors, k).similarities(np.arange(60))

    np.testing.assert_allclose(found, naive(vectors, k), atol=1e-5)


def test_any_queries_get_the_rows_that_are_theirs() -> None:
    reranking = Reranking(planted(40, 5, 1.0), 6)

    some, all_ = reranking.similarities(np.array([7, 3])), reranking.similarities(np.arange(40))
    np.testing.assert_allclose(some, all_[[7, 3]], atol=1e-6)


def test_one_that_is_near_but_shares_no_neighbour_falls_behind_those_that_do() -> None:
    # 0 to 4 lie together; 5 lies nearer to 0 than 4 does, but belongs to the crowd on its other side.
    angles = np.deg2rad([0, -4, -8, -12, -16, 14, 16, 18, 20, 22])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    before = (vectors @ vectors.T)[0]
    after = Reranking(vectors, 4).similarities(np.array([0]))[0]

    assert before[5] > before[4]
    assert after[5] < after[4]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_fewer_vectors_than_neighbours_are_all_there_is(count: int) -> None:
    assert Reranking(planted(count, 2, 0.5), 9).similarities(np.arange(count)).shape == (count, count)
