from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.index.gallery import ORIGIN, D, Model, entries, entry, filled, vectors
from unified.errors import ConfigError, DataError, RetrievalError
from unified.index.backend import Effort, Filter, Neighbours
from unified.index.entry import Entry, Hit
from unified.index.index import Index
from unified.index.snapshot import Snapshot
from unified.ops.rerank import Reranking


def test_an_entry_is_found_by_its_own_vector_and_comes_back_as_it_was_stored(tmp_path: Path) -> None:
    filled(tmp_path / "i", 30).close()
    with Index.open(tmp_path / "i") as index:
        for number, hits in enumerate(index.search(vectors(30), 1)):
            (hit,) = hits
            assert (hit.id, hit.entry) == (number, entry(number))
            assert hit.score == pytest.approx(1, abs=1e-6) and hit.score <= 1
        np.testing.assert_allclose(index.vectors([7, 3, 7]), vectors(30)[[7, 3, 7]], atol=1e-6)
        assert index.entries([29, 0]) == entries([29, 0])


def test_the_similarity_is_the_cosine_whatever_the_lengths(tmp_path: Path) -> None:
    with Index.create(tmp_path / "i", ORIGIN) as index:
        index.add([[3.0, 4.0, *[0.0] * (D - 2)]], [Entry("a.jpg")])
        for length in (1e-30, 1.0, 1e30):
            ((hit,),) = index.search([[length, *[0.0] * (D - 1)]], 1)
            assert hit.score == pytest.approx(0.6)


@pytest.mark.parametrize(
    "where", [Filter("bus"), Filter(min_score=0.5), Filter("dog", 0.2), Filter("dog", 0.99), Filter()]
)
def test_a_filter_leaves_the_best_of_what_matches(tmp_path: Path, where: Filter) -> None:
    index, model = filled(tmp_path / "i", 100), Model()
    model.add(range(100), vectors(100), entries(range(100)))
    for query in vectors(5, seed=1):
        model.check(query, 20, where, index.search(query[None], 20, where=where)[0])


def test_arrays_say_the_same_as_hits_and_mark_what_is_missing(tmp_path: Path) -> None:
    index, queries = filled(tmp_path / "i", 20), vectors(4, seed=1)
    where = Filter("bus")
    hits, found = index.search(queries, 10, where=where), index.nearest(queries, 10, where=where)
    assert found.ids.shape == found.scores.shape == (4, 10)
    assert [[hit.id for hit in row] for row in hits] == found.ids[:, :7].tolist()
    assert (found.ids[:, 7:] == -1).all() and np.isneginf(found.scores[:, 7:]).all()


def _groups(count: int, each: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    numbers = np.repeat(np.arange(count), each)
    return rng.standard_normal((count, D))[numbers] + noise * rng.standard_normal((len(numbers), D)), numbers


def test_re_ranking_brings_more_of_what_belongs_together_to_the_front(tmp_path: Path) -> None:
    drawn, numbers = _groups(20, 10, 1.1)
    with Index.create(tmp_path / "i", ORIGIN) as index:
        index.add(drawn, entries(range(len(drawn))))
        plain, again = (index.search(drawn, 10, rerank=rerank) for rerank in (0, 9))

    def right(found: list[list[Hit]]) -> int:
        return sum(int(numbers[hit.id] == number) for number, row in zip(numbers, found, strict=True) for hit in row)

    assert right(again) > 1.05 * right(plain)
    cosines = [{hit.id: hit.score for hit in row} for row in plain]
    for row, known in zip(again, cosines, strict=True):
        assert len(row) == 10
        assert all(hit.score == pytest.approx(known[hit.id]) for hit in row if hit.id in known)


def test_what_is_like_an_entry_is_re_ranked_without_it(tmp_path: Path) -> None:
    drawn, _ = _groups(4, 10, 1.1)
    with Index.create(tmp_path / "i", ORIGIN) as index:
        index.add(drawn, entries(range(len(drawn))))
        found = [hit.id for hit in index.similar(7, k=12, rerank=9)]
        gallery = index.vectors([7, *(other for other in range(len(drawn)) if other != 7)])

    similarities = Reranking(gallery, 9).similarities(np.array([0]))[0, 1:]
    expected = [place + (place >= 7) for place in np.argsort(-similarities)[:12].tolist()]
    assert found == expected


@pytest.mark.parametrize("ask", ["search", "similar"])
def test_what_a_writer_removes_while_it_is_ranked_again_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: str
) -> None:
    index, query = filled(tmp_path / "i", 30), vectors(1)
    real = Snapshot.hits

    def hits(snapshot: Snapshot, found: Neighbours) -> list[list[Hit]]:
        answer = real(snapshot, found)
        index.remove([hit.id for hit in answer[0][:5]])
        return answer

    before = [hit.id for hit in index.search(query, 30, rerank=3)[0]]
    monkeypatch.setattr(Snapshot, "hits", hits)
    found = index.search(query, 30, rerank=3)[0] if ask == "search" else index.similar(0, k=29, rerank=3)
    assert {hit.id for hit in found} == set(before) - ({0} if ask == "similar" else set())
    assert len(index) == 25


def test_re_ranking_keeps_to_the_filter_and_to_what_there_is(tmp_path: Path) -> None:
    index, query = filled(tmp_path / "i", 20), vectors(1, seed=1)
    where = Filter("bus")
    plain, again = (index.search(query, 10, where=where, rerank=rerank)[0] for rerank in (0, 3))
    assert {hit.id for hit in again} == {hit.id for hit in plain}
    assert index.search(query, 3, where=Filter("dog", 0.999), rerank=3) == [[]]
    with pytest.raises(ConfigError, match="rerank is -1"):
        index.search(query, 3, rerank=-1)


def test_ids_are_not_given_twice(tmp_path: Path) -> None:
    index = filled(tmp_path / "i", 3)
    index.remove([2, 1])
    index.compact()
    assert index.add(vectors(1), [entry(0)]) == [3]
    index.remove([0, 3])
    with Index.open(tmp_path / "i") as index:
        assert index.add(vectors(1), [entry(0)]) == [4]


def test_nothing_added_or_removed_changes_nothing(tmp_path: Path) -> None:
    index = filled(tmp_path / "i", 3)
    generation = index.info()["generation"]
    assert index.add(np.empty((0, D)), []) == []
    index.remove([])
    index.compact()
    assert index.info()["generation"] == generation


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.ones((2, D + 1)), rf"vectors of shape \(2, {D + 1}\): this index takes \(N, {D}\)"),
        (np.ones(D), r"vectors of shape"),
        ([[1.0] * D, [*[1.0] * (D - 1), np.nan]], r"vector 1 \(counted from 0\) holds NaN"),
        ([[np.inf] * D, [1.0] * D], r"vector 0 .* holds NaN or infinity"),
        ([[1e300] * D] * 2, r"vector 0 .* and 1 more holds NaN or infinity"),
        ([[1.0] * D, [0.0] * D], r"vector 1 .* is all zeros"),
    ],
)
def test_vectors_that_cannot_be_compared_are_refused_before_anything_is_stored(
    tmp_path: Path, given: object, message: str
) -> None:
    index = filled(tmp_path / "i", 3)
    with pytest.raises(DataError, match=message):
        index.add(given, entries(range(2)))  # type: ignore[arg-type]
    with pytest.raises(DataError, match=message):
        index.search(given, 1)  # type: ignore[arg-type]
    assert len(index) == 3 and index.verify() == []


def test_every_vector_needs_an_entry(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="2 vectors and 1 entries"):
        filled(tmp_path / "i").add(vectors(2), [entry(0)])


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (Entry("a.jpg", (0, 0, 1, np.nan)), "must be finite"),
        (Entry("a.jpg", (0, 0, 1)), "a box is"),  # type: ignore[arg-type]
        (Entry("a.jpg", score=np.inf), "must be finite"),
        (Entry("a.jpg", identity=2**63), "64 bits"),
        (Entry("a\udcff.jpg"), "not valid Unicode"),
        (Entry("a.jpg", caption="\ud800"), "not valid Unicode"),
    ],
)
def test_an_entry_that_would_not_come_back_as_it_is_is_refused(tmp_path: Path, what: Entry, message: str) -> None:
    index = filled(tmp_path / "i", 3)
    with pytest.raises(DataError, match=f"entry 1 .*{message}"):
        index.add(vectors(2), [entry(0), what])
    assert len(index) == 3


def test_odd_entries_come_back_as_they_are(tmp_path: Path) -> None:
    odd = [
        Entry("", (0.1, -2, 1e-300, 1e300), "", -(2**63) + 1, -0.5, ""),
        Entry("a'b\"; drop table entries\n\0狗🐶.jpg", None, "null", 2**63 - 1, 0, "\t"),
        Entry("x", (np.float32(1.5),) * 4, "c", np.int64(3), np.float32(0.25)),  # type: ignore[arg-type,unused-ignore]
    ]
    with Index.create(tmp_path / "i", ORIGIN) as index:
        assert index.entries(index.add(vectors(3), odd)) == odd


def test_an_empty_index_says_so(tmp_path: Path) -> None:
    index = Index.create(tmp_path / "i", ORIGIN)
    with pytest.raises(RetrievalError, match="the index is empty"):
        index.search(vectors(1), 1)
    index = filled(tmp_path / "j", 2)
    index.remove([0, 1])
    with pytest.raises(RetrievalError, match="the index is empty"):
        index.search(vectors(1), 1)
    assert index.info()["recall@10"] is None and index.verify() == []


@pytest.mark.parametrize("k", [-1, 0, 21])
def test_k_is_within_the_size(tmp_path: Path, k: int) -> None:
    index = filled(tmp_path / "i", 20)
    with pytest.raises(ConfigError, match=f"k is {k}, and the index holds 20 entries; ask for 1 to 20"):
        index.search(vectors(1), k)
    assert len(index.search(vectors(1), 20)[0]) == 20


def test_k_may_be_a_number_of_numpy_and_must_be_whole(tmp_path: Path) -> None:
    index = filled(tmp_path / "i", 20)
    assert len(index.search(vectors(1), np.int64(3))[0]) == len(index.similar(0, k=np.int64(3))) == 3
    with pytest.raises(ConfigError, match=r"k is 2\.0; give a whole number"):
        index.search(vectors(1), 2.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("ids", [[3, 99], [-1], [1.5], ["a"], [2**70], [4, 5]])
def test_an_unknown_id_is_named_and_the_others_stay(tmp_path: Path, ids: list[int]) -> None:
    index = filled(tmp_path / "i", 20)
    index.remove([5])
    unknown = {99, -1, 1.5, "a", 2**70, 5} & set(ids)
    for call in (index.remove, index.vectors, index.entries):
        with pytest.raises(DataError, match=f"no entry has id {unknown.pop()!r}" if unknown else "no entry has id"):
            call(ids)
    assert len(index) == 19


def test_an_unknown_category_is_answered_with_the_nearest_names(tmp_path: Path) -> None:
    index = filled(tmp_path / "i", 20)
    with pytest.raises(DataError, match="no entry is of category 'bos'; did you mean 'bus'"):
        index.search(vectors(1), 1, where=Filter("bos"))
    index.remove([id for id in range(20) if entry(id).category == "dog"])
    with pytest.raises(DataError, match="no entry is of category 'dog'"):
        index.search(vectors(1), 1, where=Filter("dog"))
    assert index.info()["categories"] == ["bus"]


@pytest.mark.parametrize(("effort", "name"), [(Effort(nprobe=0), "nprobe"), (Effort(k_factor=-2), "k_factor")])
def test_a_search_without_effort_is_refused(tmp_path: Path, effort: Effort, name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} is"):
        filled(tmp_path / "i").search(vectors(1), 1, parameters=effort)


def test_vectors_of_another_model_are_refused_with_both_hashes(tmp_path: Path) -> None:
    filled(tmp_path / "i").close()
    Index.open(tmp_path / "i", origin=ORIGIN).close()
    other = ORIGIN.model_copy(update={"model": "c" * 64})
    with pytest.raises(RetrievalError, match=f"model: index {'a' * 64}, query {'c' * 64}"):
        Index.open(tmp_path / "i", origin=other)


def test_a_folder_in_use_is_not_made_an_index(tmp_path: Path) -> None:
    filled(tmp_path / "i", 2).close()
    (tmp_path / "j").mkdir()
    (tmp_path / "j" / "thesis.txt").write_text("chapter one")
    for name in ("i", "j"):
        with pytest.raises(ConfigError, match="is not empty"):
            Index.create(tmp_path / name, ORIGIN)
    assert (tmp_path / "j" / "thesis.txt").read_text() == "chapter one"
    assert len(Index.open(tmp_path / "i")) == 2
    with pytest.raises(RetrievalError, match="no index can be made here"):
        Index.create(tmp_path / "j" / "thesis.txt" / "i", ORIGIN)


def test_what_is_no_index_is_not_opened(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(RetrievalError, match=r"no index here|no such folder"):
            Index.open(path)


def test_a_closed_index_says_so(tmp_path: Path) -> None:
    with filled(tmp_path / "i") as index:
        pass
    index.close()
    with pytest.raises(RetrievalError, match="has been closed"):
        index.search(vectors(1), 1)
