"""Metrics of retrieval: every object asks for the others of its number, itself left out.

    Rank-k        share of the queries with a right answer among the first k (CMC)
    mAP           mean over the queries of the average precision over the whole ranking
    R-precision   share of right answers among the first R, R being the number of right answers there are
    MAP@R         average precision over the first R, divided by R (arXiv 2003.08505)

A query without any right answer counts in no mean; a gallery entry with a negative number is right for nobody.
Rows are ranked in chunks, so that memory grows with the number of vectors and not with its square.

Letters: N vectors, D their length, Q queries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from unified.ops.rerank import Reranking

CHUNK = 256  # queries ranked at once: 256 × 100 000 similarities are 100 MB
RANKS = (1, 5, 10)


@dataclass(frozen=True, slots=True)
class Ranking:
    """What each of Q queries scored; row i is about vector `query[i]`."""

    query: Tensor  # (Q,) int64
    first: Tensor  # (Q,) int64, rank of the first right answer, from 1
    average_precision: Tensor  # (Q,) float64, as are the others
    r_precision: Tensor
    average_precision_at_r: Tensor

    def __getitem__(self, rows: Tensor) -> Ranking:
        return Ranking(
            self.query[rows],
            self.first[rows],
            self.average_precision[rows],
            self.r_precision[rows],
            self.average_precision_at_r[rows],
        )

    def numbers(self) -> dict[str, float | None]:
        """The means under the names of the module's docstring; None without a query."""
        values = {f"Rank-{k}": self.first <= k for k in RANKS} | {
            "mAP": self.average_precision,
            "MAP@R": self.average_precision_at_r,
            "R-precision": self.r_precision,
        }
        return {name: float(value.double().mean()) if len(value) else None for name, value in values.items()}


def rank(vectors: Tensor, numbers: Tensor, *, neighbours: int = 0, chunk: int = CHUNK) -> Ranking:
    """Let every vector (N, D) of length 1 with a number ≥ 0 (N,) that another shares ask for those others.

    They come in the order of their cosines, or with `neighbours` in that of `Reranking`.
    """
    queries = _queries(numbers)
    similar = _similar(vectors, neighbours if len(queries) else 0)
    parts = [_rank_chunk(similar(query), numbers, query) for query in queries.split(chunk)] if len(queries) else []
    columns = zip(*parts, strict=True) if parts else [()] * 5
    query, first, *precisions = [torch.cat(column) if column else torch.zeros(0) for column in columns]
    return Ranking(query.long(), first.long(), *precisions)


def _similar(vectors: Tensor, neighbours: int) -> Callable[[Tensor], Tensor]:
    """What gives the similarities (Q, N) of the vectors at some places to all."""
    if not neighbours:
        return lambda query: vectors[query] @ vectors.T
    reranking = Reranking(vectors.float().numpy(), neighbours)
    return lambda query: torch.from_numpy(reranking.similarities(query.numpy()))


def _queries(numbers: Tensor) -> Tensor:
    _, group, size = torch.unique(numbers, return_inverse=True, return_counts=True)
    asks: Tensor = (numbers >= 0) & (size[group] > 1)
    return asks.nonzero().flatten()


def _rank_chunk(similarity: Tensor, numbers: Tensor, query: Tensor) -> tuple[Tensor, ...]:
    similarity.scatter_(1, query[:, None], -torch.inf)  # itself comes last …
    order = similarity.argsort(dim=1, descending=True)[:, :-1]  # … and is left out
    right = numbers[order] == numbers[query][:, None]
    place = torch.arange(1, order.shape[1] + 1)
    precision = right.cumsum(1).double() / place * right  # at each right answer, 0 elsewhere
    relevant = right.sum(1)  # R
    within_r = place <= relevant[:, None]
    return (
        query,
        right.int().argmax(1) + 1,
        precision.sum(1) / relevant,
        (right & within_r).sum(1) / relevant.double(),
        (precision * within_r).sum(1) / relevant,
    )


def similarities(vectors: Tensor, numbers: Tensor, *, chunk: int = CHUNK) -> Iterator[tuple[Tensor, Tensor]]:
    """All pairs of vectors with numbers ≥ 0, in chunks: (cosines (P,), whether the two are the same (P,))."""
    vectors, numbers = vectors[numbers >= 0], numbers[numbers >= 0]
    for start in range(0, len(vectors), chunk):
        rows = slice(start, start + chunk)
        later = torch.arange(len(vectors))[None] > torch.arange(len(vectors))[rows, None]  # each pair once
        same = numbers[rows, None] == numbers[None]
        yield (vectors[rows] @ vectors.T)[later], same[later]
