from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.index import gallery
from tests.tiny import TinyRun, make_untrained_run
from unified.build import load_model
from unified.data.dataset import Dataset, open_dataset
from unified.errors import ConfigError, DataError, RetrievalError
from unified.index.backend import Vectors
from unified.index.embed import Embedder, Rows, digest, store
from unified.index.entry import Entry
from unified.index.index import Index
from unified.index.origin import require_same
from unified.ops.boxes import xyxy_to_xywh
from unified.train import checkpoint

NEAR = 1e-4  # of a component: a picture may be computed alone, or in a batch


@pytest.fixture(scope="module")
def embedder(tiny_jde: TinyRun) -> Embedder:
    return Embedder.load(tiny_jde.path, device="cpu", precision="float32")


@pytest.fixture(scope="module")
def val(tiny_jde: TinyRun) -> Dataset:
    return open_dataset(tiny_jde.data, "val")


def together(rows: Iterator[Rows]) -> Rows:
    made = list(rows)
    return np.concatenate([vectors for vectors, _ in made]), [entry for _, entries in made for entry in entries]


# Origin


def test_the_origin_is_that_of_the_tensors_wherever_they_lie(
    embedder: Embedder, tiny_jde: TinyRun, tmp_path: Path
) -> None:
    copied = make_untrained_run(tiny_jde.data, tmp_path / "copy")
    again = Embedder.load(copied.path, device="cpu")
    require_same(again.origin, embedder.origin)
    assert again.origin.run == str(copied.path) != embedder.origin.run
    assert (again.origin.dimension, again.origin.task, again.origin.preprocessing["size"]) == (16, "embedding", 64)


def test_another_size_is_another_origin(embedder: Embedder, tiny_jde: TinyRun, tmp_path: Path) -> None:
    larger = Embedder.load(make_untrained_run(tiny_jde.data, tmp_path, "size=96").path, device="cpu").origin
    assert larger.model == embedder.origin.model
    with pytest.raises(RetrievalError, match=r"'size': 64(?s:.*)'size': 96"):
        require_same(embedder.origin, larger)


def test_the_same_tensors_that_are_read_in_another_way_are_another_origin(
    embedder: Embedder, tiny_jde: TinyRun, tmp_path: Path
) -> None:
    other = Embedder.load(make_untrained_run(tiny_jde.data, tmp_path, "tasks.embedding.grid=2").path, device="cpu")
    assert other.origin.codes == embedder.origin.codes
    with pytest.raises(RetrievalError, match=rf"{embedder.origin.model}(?s:.*){other.origin.model}"):
        require_same(embedder.origin, other.origin)


def test_a_digest_is_sha_256_of_names_types_shapes_and_bytes() -> None:
    expected = hashlib.sha256(b"a torch.float32 (2,)\n" + np.array([1, 2], "<f4").tobytes() + b"b torch.int64 ()\n")
    expected.update(np.array(3, "<i8").tobytes())
    assert digest({"b": torch.tensor(3), "a": torch.tensor([1.0, 2.0])}) == expected.hexdigest()
    assert digest({"a": torch.zeros(1)}, "about") != digest({"a": torch.zeros(1)})
    assert digest({"a": torch.zeros(2, 3)}) != digest({"a": torch.zeros(3, 2)})
    strided = torch.arange(6.0).reshape(2, 3).T
    assert digest({"a": strided}) == digest({"a": strided.contiguous()})


def test_a_model_without_vectors_is_refused(tiny_run: TinyRun) -> None:
    with pytest.raises(ConfigError, match="none among its tasks: detection, classification; train one"):
        Embedder.load(tiny_run.path, device="cpu")


# Pictures


def test_labelled_objects_come_with_their_boxes_categories_identities_and_captions(
    embedder: Embedder, val: Dataset
) -> None:
    vectors, entries = together(embedder.split(val, true_boxes=True))
    expected = []
    for i in range(len(val)):
        record = val.record(i)
        objects, captions = record.labels.objects, record.labels.captions
        assert objects is not None and captions is not None
        boxes: list[list[float]] = xyxy_to_xywh(objects.boxes.as_subclass(Tensor)).tolist()
        for (x, y, w, h), k, identity in zip(boxes, objects.categories, objects.identities, strict=True):
            category = val.taxonomy.categories[int(k)]
            expected.append(Entry(str(record.path), (x, y, w, h), category, int(identity), None, captions[0]))
    assert entries == expected and len(vectors) == len(entries) > len(val)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_a_labelled_object_asked_for_by_its_box_has_the_vector_of_the_index(embedder: Embedder, val: Dataset) -> None:
    vectors, entries = together(embedder.split(val, true_boxes=True))
    for vector, entry in zip(vectors, entries, strict=True):
        assert entry.box is not None
        np.testing.assert_allclose(embedder.vector(entry.image, entry.box), vector, atol=NEAR)


def test_found_objects_are_the_same_from_files_and_from_a_data_set(embedder: Embedder, val: Dataset) -> None:
    paths = [val.record(i).path for i in range(len(val))]
    vectors, entries = together(embedder.files(paths, score=0.0))
    others, labelled = together(embedder.split(val, score=0.0))
    assert [replace(entry, caption=None) for entry in labelled] == entries and len(entries) == len(vectors) > 0
    np.testing.assert_allclose(vectors, others, atol=NEAR)
    assert all(entry.score is not None and entry.category in val.taxonomy.categories for entry in entries)
    found = embedder.predictor.predict(paths[0], score=0.0)
    first = [entry for entry in entries if entry.image == str(paths[0])]
    assert [entry.box for entry in first] == [tuple(box) for box in xyxy_to_xywh(found.boxes.double()).tolist()]
    np.testing.assert_allclose(vectors[: len(first)], found.vectors, atol=NEAR)


def test_whole_pictures_are_one_entry_each(embedder: Embedder, val: Dataset) -> None:
    vectors, entries = together(embedder.split(val, whole=True))
    assert [(entry.box, entry.image) for entry in entries] == [(None, str(val.record(i).path)) for i in range(len(val))]
    np.testing.assert_allclose(embedder.vector(entries[1].image), vectors[1], atol=NEAR)
    paths = [val.record(i).path for i in range(len(val))]
    np.testing.assert_allclose(together(embedder.files(paths, whole=True))[0], vectors, atol=NEAR)


def test_pictures_without_captions_are_kept_with_those_that_the_model_says(
    tiny_jde: TinyRun, val: Dataset, tmp_path: Path
) -> None:
    small = [f"tasks.caption.{option}" for option in ("width=16", "layers=1", "length=6", "search.beams=1")]
    embedder = Embedder.load(make_untrained_run(tiny_jde.data, tmp_path, *small).path, device="cpu")
    path = val.record(0).path
    said = embedder.predictor.predict(path).text
    _, found = together(embedder.files([path], whole=True))
    assert [entry.caption for entry in found] == [said] and said
    captions = val.record(0).labels.captions
    assert captions, "what people said comes first"
    assert together(embedder.split(val, whole=True))[1][0].caption == captions[0]


def test_progress_counts_pictures(embedder: Embedder, val: Dataset) -> None:
    seen: list[tuple[int, int]] = []
    list(embedder.split(val, whole=True, progress=lambda *at: seen.append(at)))
    assert seen[-1] == (len(val), len(val))


BOXES = {
    "sticks out to the right": (50, 10, 20, 10),
    "begins outside": (-3, 10, 20, 10),
    "has no area": (10, 10, 0, 10),
    "is turned inside out": (10, 10, -5, 5),
    "is not a number": (float("nan"), 10, 5, 5),
    "is infinite": (0, 0, float("inf"), 5),
}


@pytest.mark.parametrize("what", BOXES)
def test_a_box_that_is_not_in_the_picture_is_an_error(what: str, embedder: Embedder, val: Dataset) -> None:
    with pytest.raises(DataError, match=r"does not lie within the picture of 64x64 pixels"):
        embedder.vector(val.record(0).path, BOXES[what])


# Storing


def test_what_can_be_read_is_stored_though_the_rest_cannot(embedder: Embedder, val: Dataset, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(val.record(0).path.read_bytes())
    (tmp_path / "b.png").write_bytes(b"no picture")
    (tmp_path / "c.png").write_bytes(val.record(1).path.read_bytes())
    index = Index.create(tmp_path / "index", embedder.origin)
    with pytest.raises(DataError, match=r"1 of 3 pictures could not be read(?s:.*)b\.png"):
        store(index, embedder.files([tmp_path], whole=True))
    assert [Path(entry.image).name for entry in index.entries([0, 1])] == ["a.png", "c.png"]


def test_a_name_that_cannot_be_kept_costs_no_other_picture_its_place(
    embedder: Embedder, val: Dataset, tmp_path: Path
) -> None:
    for i, name in enumerate((b"a.png", b"b\xff.png", b"c.png")):
        (tmp_path / os.fsdecode(name)).write_bytes(val.record(i).path.read_bytes())
    (tmp_path / "d.png").write_bytes(b"no picture")
    index = Index.create(tmp_path / "index", embedder.origin)
    with pytest.raises(DataError) as error:
        store(index, embedder.files([tmp_path], whole=True))
    assert [Path(entry.image).name for entry in index.entries([0, 1])] == ["a.png", "c.png"] and len(index) == 2
    assert "d.png" in str(error.value) and r"b\udcff.png' is not valid Unicode; rename it" in str(error.value)
    expected = embedder.vector(tmp_path / "c.png")
    np.testing.assert_allclose(index.vectors([1])[0], expected, atol=NEAR)


def test_many_vectors_are_stored_in_chunks(embedder: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unified.index.embed.CHUNK", 3)
    index, sizes = Index.create(tmp_path / "index", embedder.origin), list[int]()

    def adding(self: Index, vectors: Vectors, entries: list[Entry], add: Any = Index.add) -> Any:
        sizes.append(len(entries))
        return add(self, vectors, entries)

    monkeypatch.setattr(Index, "add", adding)
    counts, rng = [2, 0, 2, 1, 1, 1], np.random.default_rng(0)
    rows = [
        (rng.standard_normal((n, 16), np.float32), [Entry(f"{i}-{j}") for j in range(n)]) for i, n in enumerate(counts)
    ]
    assert store(index, rows) == len(index) == 7
    assert sizes == [4, 3]
    for i, (image, vectors) in enumerate((e.image, v) for vs, es in rows for e, v in zip(es, vs, strict=True)):
        assert index.entries([i])[0].image == image
        np.testing.assert_allclose(index.vectors([i])[0], vectors / np.linalg.norm(vectors), atol=1e-6)


# Asking


@pytest.fixture(scope="module")
def index(embedder: Embedder, val: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Index:
    made = Index.create(tmp_path_factory.mktemp("asked") / "index", embedder.origin)
    store(made, embedder.split(val, true_boxes=True))
    return made


def test_an_indexed_object_is_found_by_its_box(index: Index) -> None:
    for id, entry in enumerate(index.entries(range(len(index)))):
        best = index.query(entry.image, box=entry.box, k=1)[0]
        assert best.score == pytest.approx(1, abs=1e-3)
        assert best.id == id or index.vectors([best.id])[0] @ index.vectors([id])[0] > 1 - 1e-3


def test_a_query_may_be_filtered_and_says_how_many_it_wants(index: Index, val: Dataset) -> None:
    image = val.record(0).path
    assert len(index.query(image)) == min(10, len(index))
    category = index.entries([0])[0].category
    assert {hit.entry.category for hit in index.query(image, category=category)} == {category}
    with pytest.raises(DataError, match=r"'sqare'; did you mean 'square'"):
        index.query(image, category="sqare")


def test_what_is_like_an_entry_does_not_name_the_entry(tmp_path: Path) -> None:
    index = gallery.filled(tmp_path / "index")
    hits = index.similar(2, k=3)
    every = index.search(index.vectors([2]), len(index))[0]
    assert [hit.id for hit in hits] == [hit.id for hit in every if hit.id != 2][:3]
    assert len(index.similar(2)) == min(10, len(index) - 1)
    with pytest.raises(ConfigError, match=f"ask for 1 to {len(index) - 1}"):
        index.similar(2, k=len(index))
    with pytest.raises(DataError, match="no entry has id 999"):
        index.similar(999)


def test_the_model_may_have_moved_but_not_changed(index: Index, tiny_jde: TinyRun, tmp_path: Path) -> None:
    image = open_dataset(tiny_jde.data, "val").record(0).path
    moved = make_untrained_run(tiny_jde.data, tmp_path / "moved").path
    here, there = index.query(image), index.query(image, model=moved)
    assert [hit.id for hit in here] == [hit.id for hit in there]
    state = load_model(moved)[0].state_dict()
    changed = {name: tensor + 1 if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    saved = checkpoint.load(moved)
    checkpoint.save(moved / checkpoint.FOLDER / checkpoint.BEST, replace(saved, model=changed))
    with pytest.raises(RetrievalError, match=f"{index.origin.model}(?s:.*)query with the model that the index was"):
        index.query(image, model=tmp_path / "moved" / checkpoint.FOLDER / checkpoint.BEST)


def test_a_model_that_is_gone_or_never_known_is_told(embedder: Embedder, tmp_path: Path) -> None:
    gone = embedder.origin.model_copy(update={"run": str(tmp_path / "gone")})
    with pytest.raises(RetrievalError, match=r"no longer at .*gone: name its run with --model RUN"):
        Index.create(tmp_path / "a", gone).embedder()
    unknown = embedder.origin.model_copy(update={"run": None})
    with pytest.raises(ConfigError, match="does not say which model"):
        Index.create(tmp_path / "b", unknown).embedder()


@pytest.mark.parametrize("box", [(1, 2, 3), (1, 2, 3, 4, 5), "box", ((1, 2, 3, 4), (1, 2, 3, 4)), 7])
def test_a_box_is_four_numbers(box: Any, embedder: Embedder, val: Dataset) -> None:
    with pytest.raises(DataError, match="a box is four numbers"):
        embedder.vector(val.record(0).path, box)
