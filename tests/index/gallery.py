"""Entries and vectors for the tests of indexes, and the naive search that answers are compared with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from unified.index.backend import Filter, Vectors
from unified.index.entry import Entry, Hit
from unified.index.folder import FolderBackend
from unified.index.index import Index
from unified.index.origin import Origin
from unified.index.policy import Policy

D = 8
ORIGIN = Origin(model="a" * 64, task="embedding", codes="b" * 64, preprocessing={"size": 640}, dimension=D)
CATEGORIES = ("bus", "dog", None)
# Small indexes of every kind.
SMALL = Policy(flat_up_to=150, fast_scan_from=600)


def vectors(count: int, seed: int = 0, dimension: int = D) -> Vectors:
    drawn = np.random.default_rng(seed).standard_normal((count, dimension), dtype=np.float32)
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), dtype=np.float32)


def entry(number: int) -> Entry:
    """A different one for every number; some lack what entries may lack."""
    box = None if number % 5 == 0 else (number + 0.25, 2.0, 30.5, 40.0)
    category = CATEGORIES[number % 3]
    score = None if category is None else (number % 100) / 100
    return Entry(f"{number}.jpg", box, category, number // 2 if number % 2 else None, score, f"no. {number}")


def entries(numbers: Iterable[int]) -> list[Entry]:
    return [entry(number) for number in numbers]


def filled(folder: Path, count: int = 20, policy: Policy = SMALL) -> Index:
    """An index of `count` entries with ids 0 … count - 1."""
    index = Index(FolderBackend.create(folder, ORIGIN, policy))
    assert index.add(vectors(count), entries(range(count))) == list(range(count))
    return index


@dataclass
class Model:
    """What an index should hold, in a dictionary."""

    held: dict[int, tuple[Vectors, Entry]] = field(default_factory=dict)

    def add(self, ids: Iterable[int], added: Vectors, described: Iterable[Entry]) -> None:
        for id, vector, what in zip(ids, added, described, strict=True):
            assert id not in self.held
            self.held[id] = (vector, what)

    def matching(self, where: Filter | None) -> list[int]:
        return [id for id, (_, what) in self.held.items() if where is None or fulfils(what, where)]

    def check(self, query: Vectors, k: int, where: Filter | None, hits: list[Hit]) -> None:
        """The hits are as similar as the best k by comparing with everything; ties may come in any order."""
        ids = self.matching(where)
        scores = {id: float(self.held[id][0] @ query) for id in ids}
        best = sorted(scores.values(), reverse=True)[:k]
        assert len({hit.id for hit in hits}) == len(hits) == len(best)
        for hit, expected in zip(hits, best, strict=True):
            assert hit.id in scores, f"{hit} does not match {where} or is not in the index"
            assert abs(hit.score - scores[hit.id]) < 1e-5 and abs(hit.score - expected) < 1e-5
            assert hit.entry == self.held[hit.id][1]


def fulfils(what: Entry, where: Filter) -> bool:
    if where.category is not None and what.category != where.category:
        return False
    return where.min_score is None or (what.score is not None and what.score >= where.min_score)


def contents(index: Index) -> Model:
    """All that an index holds, read through its own calls."""
    model = Model()
    if len(index):
        ids = sorted(index.nearest(vectors(1), len(index)).ids[0].tolist())
        model.add(ids, index.vectors(ids), index.entries(ids))
    return model


def same(found: Model, expected: Model) -> bool:
    return found.held.keys() == expected.held.keys() and all(
        found.held[id][1] == what and np.allclose(found.held[id][0], vector, atol=1e-6)
        for id, (vector, what) in expected.held.items()
    )


def varied(folder: Path) -> Index:
    """Two segments, one of them with removed entries: every kind of file is there."""
    index = filled(folder, 60)
    index.add(vectors(5, seed=1), entries(range(60, 65)))
    index.remove([1, 2, 63])
    return index
