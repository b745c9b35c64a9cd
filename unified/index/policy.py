"""Which structure for how many vectors, and how hard its searches must try; the latter is measured, not guessed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from unified.index.ann import FLAT, Ann, exact
from unified.index.backend import Effort, Vectors

RECALL_AT = 10
AIM = 0.985  # of a sample, so that other queries find 0.98
SAMPLE = 500
FIRST = Effort(nprobe=8, k_factor=4)
MOST_FACTOR = 64  # beyond it FAISS's refinement costs more than the search


@dataclass(frozen=True, slots=True)
class Policy:
    """Flat up to `flat_up_to` vectors; PQ fast-scan with exact refinement from `fast_scan_from`; IVF-Flat between."""

    flat_up_to: int = 50_000
    fast_scan_from: int = 500_000

    def kind(self, count: int, dimension: int) -> str:
        """FAISS's name of the structure for `count` vectors."""
        if count <= self.flat_up_to:
            return FLAT
        lists = 2 ** round(math.log2(4 * math.sqrt(count)))  # FAISS's guidelines: 4 to 16 √N
        if count < self.fast_scan_from or dimension % 2:
            return f"IVF{lists},Flat"
        return f"IVF{lists},PQ{dimension // 2}x4fs,RFlat"  # 4 bits for two numbers


USUAL = Policy()


def tune(ann: Ann, vectors: Vectors) -> tuple[Effort, float]:
    """The least effort found that reaches `AIM`, and the recall@10 measured with it.

    Queries are some of the stored vectors, each without itself among its neighbours. From a small effort on, the number
    is doubled that helps more.
    """
    if ann.kind == FLAT:
        return Effort(), 1.0
    chosen = np.random.default_rng(1).choice(len(vectors), min(SAMPLE, len(vectors)), replace=False)
    queries = vectors[chosen]
    truth = exact(queries, vectors, RECALL_AT + 1)[1]

    def measure(effort: Effort) -> float:
        return recall(ann.search(queries, RECALL_AT + 1, effort)[1], truth, without=chosen)

    effort = FIRST if ann.compressed else Effort(nprobe=FIRST.nprobe)
    reached = measure(effort)
    while reached < AIM and (tries := _harder(effort, ann.lists)):
        reached, effort = max(((measure(harder), harder) for harder in tries), key=lambda pair: pair[0])
    return effort, reached


def recall(found: np.ndarray, truth: np.ndarray, *, without: np.ndarray) -> float:
    """The mean share of a row of `truth` that is in the row of `found`; the row's `without` counts in neither."""
    hits = [
        len(set(found_row) & set(truth_row) - {own}) / (len(truth_row) - (own in truth_row))
        for found_row, truth_row, own in zip(found.tolist(), truth.tolist(), without.tolist(), strict=True)
    ]
    return float(np.mean(hits))


def _harder(effort: Effort, lists: int) -> list[Effort]:
    nprobe, factor = effort.nprobe or lists, effort.k_factor
    more = [Effort(min(2 * nprobe, lists), factor)] if nprobe < lists else []
    return more + ([Effort(nprobe, 2 * factor)] if factor is not None and factor < MOST_FACTOR else [])
