"""Re-ranking by k-reciprocal neighbours: two that are near each other both ways, and share others that are, are alike.

Zhong et al., "Re-ranking Person Re-identification with k-reciprocal Encoding", arXiv 1701.08398, whose equations the
comments name. All sets of neighbours are rows of sparse matrices, so that memory grows with the number of vectors and
not with its square.

Letters: N vectors, D their length, k neighbours, Q queries.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Vectors = NDArray[np.float32]

CHUNK = 256  # vectors compared at once: 256 × 100 000 similarities are 100 MB
ENOUGH = (2, 3)  # two thirds of a neighbour's neighbourhood have to be shared for the rest of it to be taken over
EXPANSION = 0.3  # of k: how many neighbours a neighbourhood is averaged over (the paper: 6 for k = 20)
ORIGINAL = 0.3  # λ, weight of the distance that was there before


class Reranking:
    """The (N, D) vectors of length 1 among each other; `neighbours` is k.

    k is best about the number of right answers that there are to a query: a larger one lets strangers in.
    """

    def __init__(self, vectors: Vectors, neighbours: int) -> None:
        self._vectors = vectors
        k = min(neighbours, len(vectors) - 1)
        nearest = _nearest(vectors, k)
        sets = _expanded(_mutual(nearest, k), _mutual(nearest, round(k / 2)))
        weights = _weights(vectors, sets)
        closest = _near(nearest, max(1, round(EXPANSION * k)) - 1)
        self._weights = _rows_to_one(closest @ weights)  # (11)
        self._members = self._weights.T.tocsr()

    def similarities(self, queries: NDArray[np.int64]) -> NDArray[np.float32]:
        """(Q, N) of the vectors at those places to all: 1 minus the distance of equation (12), so 1 is the same."""
        cosines = self._vectors[queries] @ self._vectors.T
        shared = np.stack([self._shared(query) for query in queries.tolist()])
        jaccard = shared / (2 - shared)  # (10): both rows sum to 1
        result: NDArray[np.float32] = ((1 - ORIGINAL) * jaccard + ORIGINAL * cosines).astype(np.float32)
        return result

    def _shared(self, query: int) -> NDArray[np.float64]:
        """Σ min(V_query, V_i) for every i, (N,)."""
        row = self._weights[query]
        members = self._members[row.indices]
        least = np.minimum(members.data, np.repeat(row.data, np.diff(members.indptr)))
        return np.bincount(members.indices, least, minlength=len(self._vectors)).astype(np.float64)


def _nearest(vectors: Vectors, k: int) -> NDArray[np.int64]:
    """(N, k + 1): each vector itself, then its k most similar, best first."""
    rows = []
    for start in range(0, len(vectors), CHUNK):
        distances = -(vectors[start : start + CHUNK] @ vectors.T)
        places = np.arange(len(distances))
        distances[places, start + places] = -np.inf
        some = np.argpartition(distances, k, axis=1)[:, : k + 1]  # the nearest, in no order
        order = np.argsort(np.take_along_axis(distances, some, 1), axis=1)
        rows.append(np.take_along_axis(some, order, 1))
    return np.concatenate(rows)


def _near(nearest: NDArray[np.int64], k: int) -> csr_matrix:
    """N(i, k) as rows of ones: i itself and its k nearest."""
    chosen = nearest[:, : k + 1]
    count, each = chosen.shape
    ones = np.ones(chosen.size, np.int32)
    return csr_matrix((ones, chosen.ravel(), np.arange(0, chosen.size + 1, each)), shape=(count, count))


def _mutual(nearest: NDArray[np.int64], k: int) -> csr_matrix:
    """R(i, k), equation (3): those that have i among their nearest, too."""
    near = _near(nearest, k)
    return near.multiply(near.T).tocsr()


def _expanded(sets: csr_matrix, halves: csr_matrix) -> csr_matrix:
    """R*(i, k), equation (5): R(i, k) and R(j, k/2) of each j in it, where most of that is in R(i, k) already."""
    part, whole = ENOUGH
    overlap = (sets @ halves.T).multiply(sets).tocoo()
    size = np.diff(halves.indptr)
    enough = whole * overlap.data >= part * size[overlap.col]
    accepted = csr_matrix((np.ones(enough.sum(), np.int32), (overlap.row[enough], overlap.col[enough])), sets.shape)
    return (sets + accepted @ halves).tocsr()


def _weights(vectors: Vectors, sets: csr_matrix) -> csr_matrix:
    """V, equation (7): each neighbour by how near it is; a row sums to 1."""
    pairs = sets.tocoo()
    weights = np.empty(len(pairs.data))
    for start in range(0, len(weights), CHUNK * CHUNK):
        rows = slice(start, start + CHUNK * CHUNK)
        weights[rows] = np.exp(np.einsum("nd,nd->n", vectors[pairs.row[rows]], vectors[pairs.col[rows]]) - 1)
    return _rows_to_one(csr_matrix((weights, (pairs.row, pairs.col)), sets.shape))


def _rows_to_one(matrix: csr_matrix) -> csr_matrix:
    totals = np.asarray(matrix.sum(axis=1)).ravel()
    shares = matrix.data / np.repeat(totals, np.diff(matrix.indptr))
    return csr_matrix((shares, matrix.indices, matrix.indptr), matrix.shape)
