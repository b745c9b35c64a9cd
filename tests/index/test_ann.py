from __future__ import annotations

import sys

import numpy as np
import pytest

from unified.errors import MissingExtraError, RetrievalError
from unified.index import ann as module
from unified.index.ann import Ann, exact
from unified.index.backend import Effort
from unified.index.measure import clustered

KINDS = ["Flat", "IVF32,Flat", "IVF32,PQ8x4fs,RFlat"]
VECTORS, QUERIES = clustered(2_000, 20, 16)


@pytest.mark.parametrize("kind", KINDS)
def test_a_structure_comes_back_from_bytes_as_it_was(kind: str) -> None:
    ann = Ann.build(VECTORS, kind)
    again = Ann.from_bytes(ann.to_bytes().tobytes(), kind)
    assert len(again) == len(ann) == 2_000
    for one, other in zip(ann.search(QUERIES, 5, Effort(4, 8)), again.search(QUERIES, 5, Effort(4, 8)), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(again.vectors(), VECTORS)
    np.testing.assert_array_equal(again.vectors(np.array([1_999, 0])), VECTORS[[1_999, 0]])


def test_tables_that_faiss_derives_may_be_larger_than_the_file_of_a_few_vectors() -> None:
    few = np.ascontiguousarray(VECTORS[:45, :8])
    data = Ann.build(few, "IVF32,PQ4x4fs,RFlat").to_bytes().tobytes()
    assert len(data) < 4 * 32 * 4 * 16  # float32 of each list, part and code
    np.testing.assert_array_equal(Ann.from_bytes(data, "IVF32,PQ4x4fs,RFlat").vectors(), few)


@pytest.mark.parametrize("kind", KINDS)
def test_only_allowed_positions_are_found(kind: str) -> None:
    allowed = np.random.default_rng(0).random(2_000) < 0.1
    scores, positions = Ann.build(VECTORS, kind).search(QUERIES, 10, Effort(32, 64), among=allowed)
    among = np.flatnonzero(allowed)
    best, places = exact(QUERIES, VECTORS[among], 10)
    assert allowed[positions].all()
    np.testing.assert_allclose(scores, best, atol=1e-6)
    assert (positions == among[places]).mean() > 0.99  # but for ties


def test_effort_belongs_to_the_call() -> None:
    ann = Ann.build(VECTORS, "IVF32,Flat")
    before = ann.search(QUERIES, 10, Effort(1))[1]
    ann.search(QUERIES, 10, Effort(32))
    np.testing.assert_array_equal(ann.search(QUERIES, 10, Effort(1))[1], before)


def test_a_library_that_changes_faiss_for_torch_changes_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    # pytorch-metric-learning imports faiss.contrib.torch_utils, which gives every class a `search` without parameters.
    ann = Ann.build(VECTORS, "IVF32,Flat")
    before = ann.search(QUERIES, 10, Effort(4))

    def replaced(self: object, x: object, k: int, D: object = None, I: object = None) -> None:  # noqa: E741
        raise AssertionError("not FAISS's own")

    monkeypatch.setattr(type(ann.index), "search", replaced)
    for one, other in zip(ann.search(QUERIES, 10, Effort(4)), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_bytes_that_faiss_does_not_know_are_an_error() -> None:
    data = Ann.build(VECTORS, "IVF32,Flat").to_bytes().tobytes()
    for wrong in (b"", data[:1000], b"what" + data[4:]):
        with pytest.raises(RetrievalError, match="FAISS cannot read"):
            Ann.from_bytes(wrong, "IVF32,Flat")


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    module.load_faiss.cache_clear()
    with pytest.raises(MissingExtraError, match=r"faiss is not installed; .*unified\[retrieval\]"):
        Ann.build(VECTORS, "Flat")
    monkeypatch.undo()
    module.load_faiss.cache_clear()
