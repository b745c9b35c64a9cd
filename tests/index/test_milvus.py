"""On Milvus Lite, which runs in this process. Where several tests only ask, they share one index."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.index import gallery
from unified.errors import ConfigError, DataError, MissingExtraError, RetrievalError
from unified.index import milvus_server
from unified.index.backend import Filter, Vectors
from unified.index.entry import Entry
from unified.index.index import Index
from unified.index.milvus import MilvusBackend
from unified.index.milvus_server import Address
from unified.index.policy import USUAL

pymilvus = pytest.importorskip("pymilvus")
pytest.importorskip("milvus_lite")

FILTERS = [None, Filter("dog"), Filter(min_score=0.5), Filter("bus", 0.25)]
COUNT = 200


def uri(folder: Path) -> str:
    return f"milvus:{folder / 'x.db'}"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index.create(uri(tmp_path), gallery.ORIGIN) as made:
        yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return gallery.filled(tmp_path_factory.mktemp("flat") / "index", COUNT, USUAL)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """What `folder` holds, on Milvus; not to be changed by any test."""
    with Index.create(uri(tmp_path_factory.mktemp("full")), gallery.ORIGIN) as made:
        assert made.add(gallery.vectors(COUNT), gallery.entries(range(COUNT))) == list(range(COUNT))
        yield made


def backend_of(index: Index) -> MilvusBackend:
    assert isinstance(index.backend, MilvusBackend)
    return index.backend


# The same calls, the same answers


@pytest.mark.parametrize("where", FILTERS, ids=str)
def test_milvus_and_faiss_find_the_same(where: Filter | None, full: Index, folder: Index) -> None:
    assert_same_top_ten(full, folder, gallery.vectors(50, seed=1), where)


@pytest.mark.slow
@pytest.mark.parametrize("where", FILTERS, ids=str)
def test_milvus_and_faiss_find_the_same_for_a_thousand_queries(where: Filter | None, tmp_path: Path) -> None:
    stored, queries = gallery.vectors(5000), gallery.vectors(1000, seed=1)
    with Index.create(uri(tmp_path), gallery.ORIGIN) as remote, gallery.filled(tmp_path / "index", 0, USUAL) as local:
        for each in (remote, local):
            each.add(stored, gallery.entries(range(len(stored))))
            each.remove(range(0, 5000, 7))
        assert_same_top_ten(remote, local, queries, where)


def assert_same_top_ten(first: Index, second: Index, queries: np.ndarray, where: Filter | None) -> None:
    """As sets, for at least 99 % of the queries: of two that are equally far either may come tenth."""
    one, other = first.nearest(queries, 10, where=where), second.nearest(queries, 10, where=where)
    same = [set(a) == set(b) for a, b in zip(one.ids.tolist(), other.ids.tolist(), strict=True)]
    assert np.mean(same) >= 0.99
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)


@pytest.mark.parametrize("where", FILTERS, ids=str)
def test_a_search_equals_comparing_with_everything(where: Filter | None, full: Index) -> None:
    model = gallery.Model()
    model.add(range(COUNT), gallery.vectors(COUNT), gallery.entries(range(COUNT)))
    queries = gallery.vectors(5, seed=2)
    for query, hits in zip(queries, full.search(queries, 7, where=where), strict=True):
        model.check(query, 7, where, hits)


def test_entries_and_vectors_come_back_as_they_were_in_the_order_asked_for(full: Index) -> None:
    ids = [7, 0, 199, 5]
    assert full.entries(ids) == gallery.entries(ids)
    np.testing.assert_allclose(full.vectors(ids), gallery.vectors(COUNT)[ids], atol=1e-6)


def test_re_ranking_is_that_of_a_folder_and_takes_one_answer(
    full: Index, folder: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = gallery.vectors(1, seed=3)
    expected = folder.search(query, 10, rerank=5)[0], folder.similar(7, k=5, category="bus", rerank=5)
    found = full.search(query, 10, rerank=5)[0], full.similar(7, k=5, category="bus", rerank=5)
    assert [[hit.id for hit in hits] for hits in found] == [[hit.id for hit in hits] for hits in expected]
    asked, real = list[int](), full.backend.vectors

    def vectors(ids: list[int]) -> Vectors:
        asked.extend(ids)
        return real(ids)

    monkeypatch.setattr(full.backend, "vectors", vectors)
    full.search(query, 10, rerank=5)
    full.similar(7, k=5, rerank=5)
    assert asked == [7]  # the vectors of the hits came with them: a writer may have removed them since
    assert full.search(query, 3, where=Filter("dog", 0.999), rerank=3) == [[]]


def test_where_fewer_match_than_are_wanted_there_are_fewer(index: Index) -> None:
    index.add(gallery.vectors(5), [Entry(str(i), category="rare" if i == 3 else None) for i in range(5)])
    assert [hit.id for hit in index.search(gallery.vectors(1), 5, where=Filter("rare"))[0]] == [3]
    found = index.nearest(gallery.vectors(1), 5, where=Filter("rare"))
    assert found.ids.tolist() == [[3, -1, -1, -1, -1]] and np.isneginf(found.scores[0, 1:]).all()


def test_info_says_what_the_folder_s_says_and_that_lite_is_exact(full: Index, folder: Index) -> None:
    shown, others = full.info(), folder.info()
    same = ("entries", "next_id", "categories", "origin")
    assert {name: shown[name] for name in same} == {name: others[name] for name in same}
    assert (shown["kind"], shown["recall@10"]) == ("FLAT", 1.0) and shown["uri"].startswith("milvus:/")


# Changing


def test_ids_are_never_given_again_not_even_after_opening_anew(tmp_path: Path) -> None:
    with Index.create(uri(tmp_path), gallery.ORIGIN) as first:
        assert first.add(gallery.vectors(4), gallery.entries(range(4))) == [0, 1, 2, 3]
        first.remove([3, 0])
        first.compact()
    with Index.open(uri(tmp_path), origin=gallery.ORIGIN) as second:
        assert len(second) == 2
        assert second.add(gallery.vectors(1, seed=4), [gallery.entry(9)]) == [4]
        assert second.entries([1, 2, 4]) == gallery.entries([1, 2, 9])
        assert second.verify() == []


def test_removing_is_all_or_nothing_and_names_what_is_not_there(index: Index) -> None:
    index.add(gallery.vectors(3), gallery.entries(range(3)))
    with pytest.raises(DataError, match="no entry has id 7; ids were given from 0 to 2"):
        index.remove([1, 7])
    assert len(index) == 3


def test_categories_are_those_of_the_entries_that_are_left(index: Index) -> None:
    index.add(gallery.vectors(4), [Entry("a", category=name) for name in ("bus", "cat", "bus", None)])
    assert backend_of(index).categories() == ["bus", "cat"]
    index.remove([0, 1])
    assert backend_of(index).categories() == ["bus"]
    with pytest.raises(DataError, match="no entry is of category 'cat'; allowed: bus"):
        index.search(gallery.vectors(1), 1, where=Filter("cat"))


def test_any_name_can_be_filtered_by(index: Index) -> None:
    names = ['a "b"', "back\\slash", "it's", "new\nline", "größe 猫 😀", "100%", "{x} or true"]
    names += ["", "\\user", "\\u0041", "tab\t\r"]
    index.add(gallery.vectors(len(names)), [Entry(name, category=name) for name in names])
    for id, name in enumerate(names):
        assert [hit.id for hit in index.search(gallery.vectors(1), len(names), where=Filter(name))[0]] == [id]


def test_an_insert_that_fails_half_way_leaves_nothing(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    index.add(gallery.vectors(2), [Entry("a", category="bus")] * 2)
    client, calls = backend_of(index)._client, list[int]()
    insert = client.insert

    def failing(name: str, rows: list[Any], **options: Any) -> None:
        calls.append(len(rows))
        if len(calls) == 2:
            raise pymilvus.MilvusException(message="out of memory")
        insert(name, rows, **options)

    monkeypatch.setattr(client, "insert", failing)
    monkeypatch.setattr("unified.index.milvus.MESSAGE", 3 * (1024 + 4 * gallery.D))
    with pytest.raises(RetrievalError, match=r"x\.db: out of memory"):
        index.add(gallery.vectors(9), [Entry("b", category="cat")] * 9)
    assert calls == [3, 3] and len(index) == 2 and backend_of(index).categories() == ["bus"]
    assert index.add(gallery.vectors(4), [Entry("b")] * 4) == [11, 12, 13, 14] and index.verify() == []


# Bad input


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (Entry("a", caption="ä" * 40_000), "its caption has 80,000 bytes"),
        (Entry("a", category="bell\a"), "control characters"),
        (Entry("a", category="back\b"), "control characters"),
    ],
    ids=["long", "bell", "backspace"],
)
def test_an_entry_that_milvus_cannot_hold_is_an_error(entry: Entry, message: str, full: Index) -> None:
    with pytest.raises(DataError, match=message):
        full.add(gallery.vectors(1), [entry])
    assert len(full) == COUNT


def test_what_a_folder_refuses_is_refused_here(full: Index, index: Index) -> None:
    with pytest.raises(DataError, match=r"this index takes \(N, 8\)"):
        full.search(np.ones((1, 9)), 1)
    with pytest.raises(DataError, match="NaN"):
        full.search(np.full((1, 8), np.nan), 1)
    with pytest.raises(ConfigError, match="holds 200 entries"):
        full.search(np.ones((1, 8)), 201)
    with pytest.raises(RetrievalError, match="the index is empty"):
        index.search(np.ones((1, 8)), 1)


def test_vectors_of_another_model_are_refused_with_both_hashes(tmp_path: Path) -> None:
    Index.create(uri(tmp_path), gallery.ORIGIN).close()
    other = gallery.ORIGIN.model_copy(update={"model": "c" * 64})
    with pytest.raises(RetrievalError, match=rf"{'a' * 64}(?s:.*){'c' * 64}"):
        Index.open(uri(tmp_path), origin=other)


def test_verify_finds_rows_that_are_not_ours(index: Index) -> None:
    index.add(gallery.vectors(2), gallery.entries(range(2)))
    row = dict.fromkeys(("x", "y", "w", "h", "score", "identity", "caption"))
    strange = {**row, "id": 7, "vector": [2.0] * gallery.D, "image": "a", "category": "yeti"}
    backend_of(index)._client.insert("unified", [strange])
    assert [fault.partition("entry ")[2] for fault in index.verify()] == [
        "7: ids were given from 0 to 1",
        "7: its vector is not of length 1",
        "7: its category 'yeti' is not listed",
    ]


# Addresses


@pytest.mark.parametrize("text", ["", "./x", "localhost:19530", "ftp://host/x", "x.sqlite"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no address of Milvus"):
        Index.create(f"milvus:{text}", gallery.ORIGIN)


def test_an_address_may_name_a_collection() -> None:
    server = Address.parse("http://host:19530#faces")
    assert (server.uri, server.collection, server.lite) == ("http://host:19530", "faces", False)
    assert str(server) == "milvus:http://host:19530#faces"
    assert (Address.parse("./a.db").collection, Address.parse("./a.db").lite) == ("unified", True)


def test_several_collections_share_a_database(tmp_path: Path) -> None:
    with Index.create(uri(tmp_path), gallery.ORIGIN) as first:
        first.add(gallery.vectors(1), gallery.entries([0]))
        with pytest.raises(ConfigError, match="there is a collection 'unified' already"):
            Index.create(uri(tmp_path), gallery.ORIGIN)
        with Index.create(f"{uri(tmp_path)}#faces", gallery.ORIGIN) as second:
            assert (len(first), len(second)) == (1, 0)
    with pytest.raises(RetrievalError, match="no collection 'cats' here; there is: faces, unified"):
        Index.open(f"{uri(tmp_path)}#cats")


def test_opening_what_is_not_there_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(RetrievalError, match="no such database"):
        Index.open(uri(tmp_path))
    with pytest.raises(RetrievalError, match="there is no folder"):
        Index.create(uri(tmp_path / "gone"), gallery.ORIGIN)
    assert list(tmp_path.iterdir()) == []


def test_a_collection_of_something_else_is_no_index(tmp_path: Path) -> None:
    client = pymilvus.MilvusClient(str(tmp_path / "x.db"))
    client.create_collection("unified", dimension=4)
    client.close()
    with pytest.raises(RetrievalError, match="collection 'unified' is no index of this program"):
        Index.open(uri(tmp_path))


@pytest.mark.slow
def test_a_database_in_use_by_another_process_is_told(index: Index, tmp_path: Path) -> None:
    script = f"from unified.index.index import Index\nIndex.open({uri(tmp_path)!r})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    last = done.stderr.splitlines()[-1]
    assert "RetrievalError" in last and "another process may have it open" in last


def test_a_server_that_is_not_there_or_says_nothing_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(milvus_server, "CONNECTING", 0.5)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        port = mute.getsockname()[1]
        for listening in (False, True):
            if listening:
                mute.listen()
            with pytest.raises(
                RetrievalError, match=rf"milvus:http://127\.0\.0\.1:{port}: cannot be opened: "
            ) as error:
                Index.open(f"milvus:http://127.0.0.1:{port}")
            assert "check the address" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("module", ["pymilvus", "milvus_lite"])
def test_a_missing_library_names_the_extra(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"{module.replace('_', '-')} is not installed.*'unified\[milvus\]'"):
        Index.create(uri(tmp_path), gallery.ORIGIN)


def test_a_library_that_is_broken_is_not_called_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "milvus_lite.py").write_text("import a_module_that_nobody_has")
    monkeypatch.delitem(sys.modules, "milvus_lite")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RetrievalError, match=r"milvus_lite is installed, but cannot be imported: .*nobody_has"):
        Index.create(uri(tmp_path), gallery.ORIGIN)
