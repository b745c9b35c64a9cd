"""Eight threads search while one changes the index; a dictionary says what each of them may be told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.index.gallery import SMALL, Model, entries, entry, filled, vectors
from unified.index.backend import Filter
from unified.index.entry import Hit
from unified.index.folder import FolderBackend
from unified.index.index import Index

START = 700  # large enough for the third kind of structure
SEARCHERS = 8


class Ledger:
    """When each id came and went. An id may be found by a search that overlaps its time, and by no other."""

    def __init__(self) -> None:
        self.model = Model()  # never forgets
        self.gone: dict[int, float] = {}  # id → when its removal had been committed
        self.staying: set[int] = set()
        self.turn = threading.Lock()

    def check(self, queries: np.ndarray, wanted: list[int], answers: list[list[Hit]], begun: float) -> None:
        for query, own, hits in zip(queries, wanted, answers, strict=True):
            scores = [hit.score for hit in hits]
            assert scores == sorted(scores, reverse=True) and len({hit.id for hit in hits}) == len(hits)
            for hit in hits:
                vector, what = self.model.held[hit.id]
                assert hit.entry == what and abs(hit.score - float(vector @ query)) < 1e-5
                assert self.gone.get(hit.id, np.inf) > begun, f"{hit.id} had been removed before the search began"
            if own in self.staying:
                assert hits[0].score > 1 - 1e-5, f"{own} is in the index, and was not found by its own vector"


def search(index: Index, ledger: Ledger, stop: threading.Event, seed: int, counts: list[int]) -> None:
    generator = np.random.default_rng(seed)
    while not stop.is_set():
        with ledger.turn:
            wanted = generator.choice(sorted(ledger.staying), 4).tolist()
        queries = np.stack([ledger.model.held[id][0] for id in wanted])
        begun = time.monotonic()
        if counts[seed] % 3 == 2:
            hits = index.search(queries, 10, where=Filter("dog"))
            assert all(hit.entry.category == "dog" for row in hits for hit in row)
            wanted = [id if entry(id).category == "dog" else -1 for id in wanted]
        elif counts[seed] % 7 == 3:
            wanted = [-1] * len(wanted)  # what is near both ways may come before it
            hits = [sorted(row, key=lambda hit: -hit.score) for row in index.search(queries, 10, rerank=3)]
        else:
            hits = index.search(queries, 10)
        ledger.check(queries, wanted, hits, begun)
        counts[seed] += 1


def write(index: Index, ledger: Ledger, stop: threading.Event) -> int:
    generator, next_id, changes = np.random.default_rng(99), START, 0
    while not stop.is_set():
        count = int(generator.integers(1, 60))
        ids = range(next_id, next_id + count)
        ledger.model.add(ids, vectors(count, next_id), entries(ids))  # known before it can be found
        assert index.add(vectors(count, next_id), entries(ids)) == list(ids)
        next_id += count
        with ledger.turn:
            ledger.staying.update(ids)
            leaving = generator.choice(sorted(ledger.staying), count, replace=False).tolist()
            ledger.staying.difference_update(leaving)
        index.remove(leaving)
        ledger.gone |= dict.fromkeys(leaving, time.monotonic())
        if changes % 10 == 9:
            index.compact()
        changes += 1
    return changes


@pytest.mark.parametrize("seconds", [2, pytest.param(60, marks=pytest.mark.slow)])
def test_searches_beside_a_writer_are_told_nothing_wrong(tmp_path: Path, seconds: int) -> None:
    index, ledger, stop = filled(tmp_path / "i", START), Ledger(), threading.Event()
    ledger.model.add(range(START), vectors(START), entries(range(START)))
    ledger.staying.update(range(START))
    counts, failures = [0] * SEARCHERS, []

    def watched(work: Callable[..., object], *arguments: object) -> None:
        try:
            work(index, ledger, stop, *arguments)
        except BaseException as error:  # noqa: BLE001 - raised below, in the test's own thread
            failures.append(error)
            stop.set()

    threads = [threading.Thread(target=watched, args=(search, seed, counts)) for seed in range(SEARCHERS)]
    threads.append(threading.Thread(target=watched, args=(write,)))
    for thread in threads:
        thread.start()
    stop.wait(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    for failure in failures:
        raise failure
    assert min(counts) > 0 and index.info()["generation"] > 2
    assert index.verify() == [] and len(index) == len(ledger.staying)
    reopened = Index(FolderBackend.open(tmp_path / "i", SMALL))
    assert sorted(reopened.nearest(vectors(1), len(reopened)).ids[0].tolist()) == sorted(ledger.staying)
