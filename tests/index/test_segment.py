"""Searches of one segment that a structure for many vectors would answer badly if left to itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.index.gallery import ORIGIN
from unified.index import segment as module
from unified.index.ann import exact
from unified.index.backend import Effort, Filter
from unified.index.entry import Entry
from unified.index.folder import FolderBackend
from unified.index.index import Index
from unified.index.measure import clustered
from unified.index.policy import Policy

COUNT = 4_000
VECTORS, QUERIES = clustered(COUNT, 20, 16)
RARE = 50


def described(place: int) -> Entry:
    return Entry(f"{place}.jpg", category="rare" if place % (COUNT // RARE) == 0 else "often", score=place / COUNT)


@pytest.fixture(params=["IVF", "PQ"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Index:
    policy = Policy(flat_up_to=0, fast_scan_from=0 if request.param == "PQ" else COUNT + 1)
    index = Index(FolderBackend.create(tmp_path / "i", ORIGIN.model_copy(update={"dimension": 16}), policy))
    index.add(VECTORS, [described(place) for place in range(COUNT)])
    assert request.param in index.info()["segments"][0]["kind"]
    return index


@pytest.mark.parametrize("one_by_one", [0, 5_000])
def test_what_matches_a_filter_is_found_however_rare(
    index: Index, monkeypatch: pytest.MonkeyPatch, one_by_one: int
) -> None:
    monkeypatch.setattr(module, "COMPARED_ONE_BY_ONE", one_by_one)
    found = index.nearest(QUERIES, RARE, where=Filter("rare"), parameters=Effort(nprobe=1))
    assert (np.sort(found.ids, axis=1) == np.arange(0, COUNT, COUNT // RARE)).all()
    positions = np.arange(0, COUNT, COUNT // RARE)
    np.testing.assert_allclose(found.scores, exact(QUERIES, VECTORS[positions], RARE)[0], atol=1e-6)
    more = index.nearest(QUERIES, RARE + 5, where=Filter("rare"))
    assert (more.ids[:, RARE:] == -1).all() and (more.ids[:, :RARE] >= 0).all()


def test_a_filter_costs_no_recall(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COMPARED_ONE_BY_ONE", 0)
    allowed = np.flatnonzero(np.arange(COUNT) / COUNT >= 0.8)
    truth = allowed[exact(QUERIES, VECTORS[allowed], 10)[1]]
    found = index.nearest(QUERIES, 10, where=Filter(min_score=0.8)).ids
    shares = [len(set(a) & set(b)) / 10 for a, b in zip(found.tolist(), truth.tolist(), strict=True)]
    assert np.mean(shares) >= 0.97


def test_every_entry_is_found_when_all_are_asked_for(index: Index) -> None:
    index.remove(range(0, COUNT, 3))
    found = index.nearest(QUERIES[:2], len(index), parameters=Effort(nprobe=1, k_factor=1))
    assert (np.sort(found.ids, axis=1) == [place for place in range(COUNT) if place % 3]).all()


def test_removed_entries_are_not_found_by_their_own_vectors(index: Index) -> None:
    index.remove(range(0, COUNT, 2))
    assert (index.nearest(VECTORS[:100:2], 10).ids % 2 == 1).all()
