from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Cli
from tests.tiny import VAL, TinyRun, make_untrained_run
from unified.data.dataset import open_dataset
from unified.index.index import Index


@pytest.fixture(scope="module")
def built(tiny_jde: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the labelled objects of val; not to be changed by any test."""
    from unified.index.embed import Embedder, store

    path = tmp_path_factory.mktemp("built") / "val.index"
    embedder = Embedder.load(tiny_jde.path, device="cpu")
    with Index.create(path, embedder.origin) as index:
        store(index, embedder.split(open_dataset(tiny_jde.data, "val"), true_boxes=True))
    return path


@pytest.fixture
def picture(tiny_jde: TinyRun) -> Path:
    return open_dataset(tiny_jde.data, "val").record(0).path


def asked(cli: Cli, *words: object) -> list[dict[str, Any]]:
    answer = cli("query", *words, "--json")
    assert answer.code == 0, answer.err
    hits: list[dict[str, Any]] = json.loads(answer.out)["hits"]
    return hits


# Building and changing


def test_an_index_is_built_asked_changed_and_checked(cli: Cli, tiny_jde: TinyRun, tmp_path: Path) -> None:
    index, data = tmp_path / "x.index", ("--data", tiny_jde.data)
    build = cli("index", "build", index, "--model", tiny_jde.path, *data, "--true-boxes", "--device", "cpu")
    assert build.code == 0 and "next: unified query" in build.out
    info = json.loads(cli("index", "info", index, "--json").out)
    count = info["entries"]
    assert info["origin"]["run"] == str(tiny_jde.path) and f"{count} added" in build.out
    assert cli("index", "add", index, tiny_jde.data / "images/val", "--whole").code == 0
    assert f"{count + VAL - 2} entries left" in cli("index", "remove", index, 0, count).out
    assert cli("index", "compact", index).code == 0
    assert {0, count}.isdisjoint(hit["id"] for hit in asked(cli, index, "--id", 1, "-k", count + VAL - 3))
    verify = cli("index", "verify", index, "--json")
    assert (verify.code, json.loads(verify.out)) == (0, {"sound": True, "faults": []})
    assert "sound" in cli("index", "verify", index).out
    shown = cli("index", "info", index).out
    assert str(count + VAL - 2) in shown and info["origin"]["model"] in shown


def test_milvus_takes_the_same_calls(cli: Cli, tiny_jde: TinyRun, tmp_path: Path) -> None:
    pytest.importorskip("milvus_lite")
    indexes, source = (f"milvus:{tmp_path / 'x.db'}", tmp_path / "x.index"), tiny_jde.data / "images/val"
    for index in indexes:
        assert cli("index", "build", index, source, "--model", tiny_jde.path, "--whole").code == 0
        assert f"{VAL - 1} entries left" in cli("index", "remove", index, 1).out
        assert cli("index", "compact", index).code == cli("index", "verify", index).code == 0
    info, other = (json.loads(cli("index", "info", index, "--json").out) for index in indexes)
    assert info["origin"] == other["origin"] and info["entries"] == other["entries"] == VAL - 1
    answer = cli("query", indexes[0], "--text", "a star")
    assert answer.code == 1 and "an index in a folder has" in answer.err
    found, expected = ([hit["entry"] for hit in asked(cli, index, "--id", 0)] for index in indexes)
    assert sorted(found, key=str) == sorted(expected, key=str) and len(found) == VAL - 2


def test_a_file_name_that_is_not_utf_8_is_told_and_the_others_are_stored(
    cli: Cli, tiny_jde: TinyRun, picture: Path, tmp_path: Path
) -> None:
    (tmp_path / "shots").mkdir()
    for name in (b"a.png", b"b\xff.png"):
        (tmp_path / "shots" / os.fsdecode(name)).write_bytes(picture.read_bytes())
    index = tmp_path / "x.index"
    answer = cli("index", "build", index, tmp_path / "shots", "--model", tiny_jde.path, "--whole")
    assert answer.code == 3 and "is not valid Unicode; rename it" in answer.err
    assert json.loads(cli("index", "info", index, "--json").out)["entries"] == 1


def test_a_flipped_bit_is_found(cli: Cli, tiny_jde: TinyRun, tmp_path: Path) -> None:
    index = tmp_path / "x.index"
    cli("index", "build", index, tiny_jde.data / "images/val", "--model", tiny_jde.path, "--whole")
    path = next(index.glob("*.faiss"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    verify = cli("index", "verify", index, "--json")
    report = json.loads(verify.out)
    assert verify.code == 1 and not report["sound"] and path.name in report["faults"][0]
    plain = cli("index", "verify", index)
    assert plain.code == 1 and path.name in plain.err
    assert cli("query", index, "--id", 0).code == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "either SOURCE (pictures, folders, globs), or --data DIR"),
        (["a.jpg", "--data", "d"], "either SOURCE"),
        (["a.jpg", "--true-boxes"], "--true-boxes takes the labelled objects of --data"),
        (["--data", "d", "--true-boxes", "--whole"], "goes without --whole"),
    ],
)
def test_what_is_to_be_indexed_must_be_said_once(cli: Cli, words: list[str], message: str) -> None:
    for verb in (["build", "x.index", "--model", "run"], ["add", "x.index"]):
        answer = cli("index", *verb, *words)
        assert answer.code == 2 and message in answer.err


def test_nothing_is_made_where_there_is_nothing_to_index(cli: Cli, tiny_jde: TinyRun, tmp_path: Path) -> None:
    build = ("index", "build", tmp_path / "x.index", "--model", tiny_jde.path)
    assert cli(*build, tmp_path / "gone").code == 3
    answer = cli(*build, "--data", tiny_jde.data, "--split", "tets")
    assert answer.code == 3 and "no split 'tets'" in answer.err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_not_built_over(cli: Cli, tiny_jde: TinyRun, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    answer = cli("index", "build", tmp_path, tiny_jde.data / "images/val", "--model", tiny_jde.path)
    assert answer.code == 2 and "is not empty" in answer.err


def test_a_model_without_vectors_is_refused(cli: Cli, tiny_run: TinyRun, tmp_path: Path) -> None:
    answer = cli("index", "build", tmp_path / "x", tiny_run.data, "--model", tiny_run.path)
    assert answer.code == 2 and "none among its tasks: detection, classification" in answer.err


@pytest.mark.parametrize("verb", ["info", "verify", "compact"])
def test_what_is_no_index_is_1(cli: Cli, verb: str, tmp_path: Path) -> None:
    answer = cli("index", verb, tmp_path / "gone")
    assert answer.code == 1 and "build one with: unified index build" in answer.err


def test_an_unknown_id_is_named(cli: Cli, built: Path) -> None:
    for words in (["index", "remove", built, 0, 4711], ["query", built, "--id", 4711]):
        answer = cli(*words)
        assert answer.code == 3 and "no entry has id 4711" in answer.err


# Asking


def test_an_object_is_found_by_its_box_its_id_and_its_vector(
    cli: Cli, built: Path, tiny_jde: TinyRun, tmp_path: Path
) -> None:
    with Index.open(built) as index:
        entry, vector, count = index.entries([2])[0], index.vectors([2])[0], len(index)
    assert entry.box is not None
    np.save(tmp_path / "v.npy", vector)
    (tmp_path / "v.json").write_text(json.dumps(vector.tolist()))
    box = ",".join(map(repr, entry.box))
    ways = [("--image", entry.image, "--box", box), ("--vector", tmp_path / "v.npy"), ("--vector", tmp_path / "v.json")]
    for way in ways:
        hits = asked(cli, built, *way, "-k", count)
        assert {hit["id"] for hit in hits} == set(range(count)) and [hit["rank"] for hit in hits][:3] == [1, 2, 3]
        assert hits[0]["score"] == pytest.approx(1, abs=1e-3)
        assert next(hit for hit in hits if hit["id"] == 2)["entry"]["box"] == list(entry.box)
    assert {hit["id"] for hit in asked(cli, built, "--id", 2, "-k", count - 1)} == set(range(count)) - {2}


def test_without_k_there_are_ten_or_as_many_as_there_are(cli: Cli, built: Path, picture: Path) -> None:
    with Index.open(built) as index:
        assert len(asked(cli, built, "--image", picture)) == min(10, len(index))


def test_the_answer_is_a_table_and_a_sheet(cli: Cli, built: Path, picture: Path, tmp_path: Path) -> None:
    for way in (("--image", picture, "--identity", 1), ("--id", 0)):
        answer = cli("query", built, *way, "-k", 3, "--sheet", tmp_path / "found.png")
        assert (
            answer.code == 0 and "identity" in answer.out and f"{tmp_path / 'found.png'}: contact sheet" in answer.out
        )
        with Image.open(tmp_path / "found.png") as sheet:
            assert sheet.format == "PNG" and min(sheet.size) > 200


def test_pictures_are_found_by_text_and_that_is_said(cli: Cli, built: Path, tiny_jde: TinyRun, tmp_path: Path) -> None:
    captions = open_dataset(tiny_jde.data, "val").record(0).labels.captions
    assert captions
    answer = cli("query", built, "--text", captions[0], "--json")
    found = json.loads(answer.out)
    assert found["search"] == "text" and "no embedding is asked" in found["method"]
    hit = next(hit for hit in found["hits"] if hit["caption"] == captions[0])
    assert hit["rank"] == 1 and hit["ids"] and Path(hit["image"]).is_file()
    shown = cli("query", built, "--text", captions[0], "--sheet", tmp_path / "found.png")
    assert shown.code == 0 and "text search: BM25 over the captions" in shown.out and (tmp_path / "found.png").is_file()
    assert "no caption has any word of 'zebra'" in cli("query", built, "--text", "zebra").out
    assert (none := cli("query", built, "--text", "?!")).code == 2 and "no word to look for" in none.err


def test_neighbours_may_be_of_one_category_or_of_a_least_score(cli: Cli, built: Path, picture: Path) -> None:
    with Index.open(built) as index:
        category = index.entries([0])[0].category
    hits = asked(cli, built, "--image", picture, "--category", category)
    assert hits and {hit["entry"]["category"] for hit in hits} == {category}
    assert asked(cli, built, "--image", picture, "--min-score", 0.5) == []  # labelled objects have no score
    answer = cli("query", built, "--image", picture, "--category", f"{category}s")
    assert answer.code == 3 and f"did you mean {category!r}" in answer.err


def test_a_filter_that_leaves_nothing_is_said(cli: Cli, built: Path, picture: Path, tmp_path: Path) -> None:
    with Index.open(built) as index:
        entry = index.entries([0])[0]
    filtered = ("--category", entry.category, "--min-score", 0.5)  # labelled objects have no score
    answer = cli("query", built, "--image", picture, *filtered, "--sheet", tmp_path / "s.png")
    assert answer.out == f"no entry matches\n{tmp_path / 's.png'}: contact sheet\n"
    assert asked(cli, built, "--image", picture, *filtered) == []
    text = cli("query", built, "--text", entry.caption, *filtered)
    assert f"no entry with any word of {entry.caption!r} in its caption passes the filter" in text.out
    assert "no caption" not in text.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "ask for one thing"),
        (["--image", "a.png", "--id", 0], "ask for one thing"),
        (["--text", "a dog", "--id", 0], "ask for one thing"),
        (["--text", "a dog", "--box", "1,2,3,4"], "say something about --image"),
        (["--text", "a dog", "--rerank", 5], "--rerank is about vectors"),
        (["--image", "a.png", "--vector", "v.npy"], "ask for one thing"),
        (["--id", 0, "--box", "1,2,3,4"], "say something about --image"),
        (["--vector", "v.npy", "--identity", 1], "say something about --image"),
        (["--id", 0, "--model", "run"], "say something about --image"),
        (["--image", "a.png", "--box", "1,2,3"], "'1,2,3' is no box; write X,Y,W,H"),
        (["--id", 0, "--sheet", "a.jpg"], "a contact sheet is a PNG; name it a.png"),
        (["--id", 0, "-k", 4711], "k is 4711"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_a_question_that_makes_no_sense_is_2(cli: Cli, built: Path, words: list[Any], message: str) -> None:
    answer = cli("query", built, *words)
    assert (answer.code, answer.out) == (2, "") and message in answer.err


@pytest.mark.parametrize("box", ["60,10,10,10", "nan,1,2,3"])
def test_a_box_outside_the_picture_is_3(cli: Cli, built: Path, picture: Path, box: str) -> None:
    answer = cli("query", built, "--image", picture, f"--box={box}")
    assert answer.code == 3 and "does not lie within the picture of 64x64 pixels" in answer.err


def test_a_picture_or_vector_that_cannot_be_read_is_3(cli: Cli, built: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.ones(3))
    np.save(tmp_path / "w.npy", np.full(16, np.nan))
    np.save(tmp_path / "z.npy", np.zeros(16))
    (tmp_path / "a.png").write_bytes(b"")
    told = {
        ("--vector", "v.npy"): "takes (N, 16)",
        ("--vector", "w.npy"): "NaN",
        ("--vector", "z.npy"): "all zeros",
        ("--vector", "gone.npy"): "no such vector",
        ("--image", "a.png"): "empty (0 bytes)",
        ("--image", "gone.png"): "no such picture",
    }
    for (option, name), message in told.items():
        answer = cli("query", built, option, tmp_path / name)
        assert answer.code == 3 and message in answer.err, name


def test_an_index_of_another_model_is_refused_with_both_hashes(
    cli: Cli, built: Path, picture: Path, tiny_jde: TinyRun, tmp_path: Path
) -> None:
    other = make_untrained_run(tiny_jde.data, tmp_path / "other", "tasks.embedding.grid=2").path
    with Index.open(built) as index:
        mine = index.origin.model
    for words in (["query", built, "--image", picture], ["index", "add", built, picture]):
        answer = cli(*words, "--model", other)
        assert answer.code == 1 and answer.err.count(mine) == 1 and "\n  model: index " in answer.err


def test_an_empty_index_says_so(cli: Cli, built: Path, picture: Path, tmp_path: Path) -> None:
    with Index.open(built) as index:
        Index.create(tmp_path / "empty", index.origin).close()
    answer = cli("query", tmp_path / "empty", "--image", picture)
    assert answer.code == 1 and "the index is empty" in answer.err
