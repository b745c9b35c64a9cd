from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from unified.index.measure import clustered, in_turns, measure, ratio
from unified.index.policy import Policy


def test_an_index_is_measured_beside_faiss(tmp_path: Path) -> None:
    found = measure(
        tmp_path / "i", count=3_000, dimension=16, queries=50, rounds=1, policy=Policy(1_000, fast_scan_from=2_000)
    )
    assert found.kind == "IVF256,PQ8x4fs,RFlat" and found.entries == 3_000
    assert found.recall >= 0.95 and found.recall_stored is not None and found.recall_stored >= 0.98
    assert found.per_second.keys() == found.single_ms.keys() == {"faiss", "nearest", "search"}
    assert len(found.over) == 4
    json.dumps(found.to_json())


def test_calls_are_timed_in_turns_after_one_that_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, order = [0.0], []

    def call(name: str, seconds: float) -> None:
        order.append(name)
        clock[0] += seconds

    monkeypatch.setattr("unified.index.measure.time.perf_counter", lambda: clock[0])
    times = in_turns({"faiss": lambda: call("faiss", 2), "ours": lambda: call("ours", 3)}, 2)
    assert order == ["faiss", "ours"] * 3
    assert times == {"faiss": [2, 2], "ours": [3, 3]} and ratio(times, "ours") == 1.5


def test_clustered_vectors_have_length_one_and_neighbours() -> None:
    vectors, queries = clustered(5_000, 10, 32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    similar = np.sort(queries @ vectors.T, axis=1)
    assert (similar[:, -500:].mean(1) > similar.mean(1) + 0.2).all()
