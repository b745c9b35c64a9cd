from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.data.readers.folder import fill, write
from tests.data.tiny import captions, document, write_coco, write_json
from unified.data.convert import convert, split
from unified.data.dataset import Dataset, open_dataset
from unified.data.letterbox import Letterbox
from unified.data.pipeline import Draw
from unified.data.shelf import Shelf
from unified.errors import ConfigError, DataError

BOXED = ("coco", "yolo", "voc", "csv")


def plain(videos: bool = False) -> dict[str, Any]:
    """What every format holds: no crowds, no identities but with `videos`, ids from 0."""
    content = document()
    content["categories"] = [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}]
    for k, entry in enumerate(content["annotations"]):
        entry |= {"category_id": k % 2, "iscrowd": 0}
        del entry["area" if "area" in entry else "iscrowd"]
        entry.pop("track_id", None), entry.pop("identity", None)
        if videos:
            entry["track_id"] = 5 + k
    if videos:
        for k, entry in enumerate(content["images"]):
            entry |= {"video": "AB"[k % 2], "frame_id": k + 1}
    return content


def by_picture(dataset: Dataset) -> dict[str, tuple[Any, ...]]:
    """{picture: all that its record and its letterboxed sample say}, ids aside."""
    found = {}
    for i in range(len(dataset)):
        record = dataset.record(i)
        sample = Letterbox(64)(Shelf(dataset), Draw(i)).sample(record)
        objects, seen = record.labels.objects, sample.labels.objects
        assert objects is not None and seen is not None
        names = [dataset.taxonomy.categories[k] for k in objects.categories]
        columns = (objects.boxes, objects.area, seen.boxes, objects.identities.clamp(min=-1), objects.crowd)
        # Formats may list objects in another order.
        order = np.lexsort(objects.boxes.T.numpy())
        rows = [
            (names[k], *(np.atleast_1d(column[k]).astype(float).round(6).tolist() for column in columns)) for k in order
        ]
        found[record.path.stem] = (record.size, rows, int(sample.image.sum()))
    return found


def test_the_same_data_in_four_formats_give_the_same_samples(tmp_path: Path) -> None:
    write_coco(write_coco(tmp_path / "coco", content=plain()), "val", plain())
    expected = by_picture(open_dataset(tmp_path / "coco", "train"))

    for to in BOXED[1:]:
        convert(tmp_path / "coco", tmp_path / to, to=to)
        dataset = open_dataset(tmp_path / to, "train")
        found = by_picture(dataset)
        assert {name.removeprefix("train_"): value for name, value in found.items()} == expected, to
        assert dataset.taxonomy.categories == ("cat", "dog")
        assert f"({to.upper()})" in dataset.summary()


boxes = st.tuples(st.floats(0, 50), st.floats(0, 30), st.floats(1, 64), st.floats(1, 48))
things = st.lists(st.tuples(st.sampled_from([1, 2, 5]), boxes, st.integers(0, 1)), max_size=6)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(things=things, order=st.permutations(BOXED))
def test_a_way_through_all_formats_brings_back_what_all_of_them_hold(
    things: list[tuple[int, tuple[float, ...], int]], order: list[str], tmp_path: Path
) -> None:
    root = tmp_path / "way"
    shutil.rmtree(root, ignore_errors=True)
    annotations = [
        {"id": n, "image_id": image, "category_id": k, "bbox": [x, y, min(w, 64 - x), min(h, 48 - y)]}
        for n, (image, (x, y, w, h), k) in enumerate(things)
    ]
    write_coco(root / "0", content=plain() | {"annotations": annotations or plain()["annotations"]})
    for k, to in enumerate(order):
        convert(root / str(k), root / str(k + 1), to=to, pictures="symlink")

    first, last = (by_picture(open_dataset(root / str(k), "train")) for k in (0, len(order)))
    assert first.keys() == last.keys()
    for name, (size, rows, pixels) in first.items():
        assert (size, pixels) == (last[name][0], last[name][2])
        assert [row[0] for row in rows] == [row[0] for row in last[name][1]]
        for row, again in zip(rows, last[name][1], strict=True):
            for value, other in zip(row[1:], again[1:], strict=True):
                assert value == pytest.approx(other, abs=1e-3)


def test_frames_and_identities_go_through_mot(tmp_path: Path) -> None:
    source = write_coco(tmp_path / "coco", content=plain(videos=True))

    convert(source, tmp_path / "mot", to="mot")
    written = convert(tmp_path / "mot", tmp_path / "back", to="coco")

    expected, found = (open_dataset(path, "train") for path in (source, tmp_path / "back"))
    assert not written.lost
    for dataset in (expected, found):
        assert dataset.annotations.videos is not None
    frames = [
        {
            (data.annotations.videos.names[i], int(data.annotations.videos.frames[i])): (
                data.record(i).size,
                sorted(zip(rows.identities.tolist(), rows.boxes.tolist(), strict=True)),
            )
            for i in range(len(data))
            if data.annotations.videos is not None and (rows := data.annotations.objects_of(i)) is not None
        }
        for data in (expected, found)
    ]
    assert frames[0] == frames[1]


def test_tags_go_from_folders_to_a_table_and_back(tmp_path: Path) -> None:
    fill(tmp_path / "a", "train/cat/1.png", "train/dog/2.png", "val/eel/3.png")

    table = convert(tmp_path / "a", tmp_path / "b", to="csv")
    assert "train 2 pictures, 2 tags, val 1 pictures, 1 tags" in table.text()
    written = convert(tmp_path / "b", tmp_path / "c", to="folders")

    assert sorted(path.relative_to(tmp_path / "c").as_posix() for path in (tmp_path / "c").rglob("*.png")) == [
        "train/cat/1.png",
        "train/dog/2.png",
        "val/eel/3.png",
    ]
    assert open_dataset(tmp_path / "c", "train").taxonomy.categories == ("cat", "dog", "eel") and not written.lost


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are Unicode")
@pytest.mark.parametrize("to", ["coco", "voc", "csv"])
def test_a_name_that_is_no_text_is_told(to: str, tmp_path: Path) -> None:
    root = write_coco(tmp_path / "coco")
    convert(root, tmp_path / "yolo", to="yolo")
    for path in (tmp_path / "yolo").rglob("*/train/1.*"):
        path.rename(path.with_name(f"caf\udce9{path.suffix}"))
    with pytest.raises(DataError, match=r"not valid Unicode, near .*caf.*; rename it"):
        convert(tmp_path / "yolo", tmp_path / "b", to=to)
    assert not (tmp_path / "b").exists()


def test_what_a_format_cannot_hold_is_said(tmp_path: Path) -> None:
    root = write_coco(tmp_path / "coco")
    write_json(root / "annotations/captions_train.json", captions())

    lost = {to: convert(root, tmp_path / f"as-{to}", to=to).lost for to in BOXED}

    assert lost["coco"] == ()
    assert lost["yolo"] == (
        "1 objects lose their identity",
        "1 crowd regions are left out",
        "1 objects have another area than their box, which is left out",
        "3 captions are left out",
        "2 classes get other ids, counted from 0",
    )
    assert set(lost["voc"]) == set(lost["yolo"]) - {"1 crowd regions are left out"}
    assert set(lost["csv"]) == set(lost["voc"]) - {"1 objects lose their identity"}


def test_a_copy_in_coco_is_the_same_to_the_last_value(tmp_path: Path) -> None:
    root = write_coco(tmp_path / "a")
    write_json(root / "annotations/captions_train.json", captions())

    convert(root, tmp_path / "b", to="coco", pictures="hardlink")

    first, again = (open_dataset(path, "train").annotations for path in (root, tmp_path / "b"))
    assert (first.taxonomy, first.image_ids) == (again.taxonomy, again.image_ids)
    for name in ("boxes", "categories", "identities", "crowd", "area"):
        assert getattr(first.rows, name).tolist() == getattr(again.rows, name).tolist()
    assert [first.captions_of(i) for i in range(3)] == [again.captions_of(i) for i in range(3)]
    assert again.path(0).stat().st_ino == first.path(0).stat().st_ino


@pytest.mark.parametrize(
    ("to", "says"),
    [("yolo", "YOLO holds boxes"), ("voc", "VOC holds boxes"), ("mot", "MOT holds boxes"), ("coco", "only tags")],
)
def test_tags_alone_do_not_fit_into_formats_of_boxes(to: str, says: str, tmp_path: Path) -> None:
    fill(tmp_path / "a", "train/cat/1.png", "train/dog/2.png")

    with pytest.raises(DataError, match=says):
        convert(tmp_path / "a", tmp_path / "b", to=to)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]  # nothing is left of it


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    root = write_coco(tmp_path / "a", content=plain())

    with pytest.raises(DataError, match=r"MOT holds frames of videos, and the pictures of 'train' are none"):
        convert(root, tmp_path / "b", to="mot")
    with pytest.raises(DataError, match="hold tags"):
        convert(root, tmp_path / "b", to="folders")
    with pytest.raises(DataError, match="is there already"):
        convert(root, root, to="coco")
    with pytest.raises(ConfigError, match="'voc'"):
        convert(root, tmp_path / "b", to="vok")
    (root / "images/train/2.png").unlink()
    with pytest.raises(DataError, match=r"2\.png: no such picture"):
        convert(root, tmp_path / "b", to="yolo")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]


def test_pictures_of_one_name_stay_apart(tmp_path: Path) -> None:
    root = fill(tmp_path / "a", "images/x/1.png", "images/y/1.png", "images/x/1.bmp")
    rows = "".join(f"{name},1,1,9,{y},cat\n" for name, y in (("x/1.png", 20), ("y/1.png", 30), ("x/1.bmp", 40)))
    write(root, {"train.csv": "file,xmin,ymin,xmax,ymax,label\n" + rows})

    for to in ("yolo", "voc"):
        convert(root, tmp_path / to, to=to)
        dataset = open_dataset(tmp_path / to, "train")
        assert sorted(dataset.annotations.rows.boxes[:, 3].tolist()) == [20, 30, 40]


def test_labels_of_pictures_in_folders_called_images_are_found_again(tmp_path: Path) -> None:
    content = plain()
    for entry, name in zip(content["images"], ("a/images/1.png", "b/images/2.png", "b/images_/2.png"), strict=True):
        entry["file_name"] = name
    root = write_coco(tmp_path / "a", content=content)
    convert(root, tmp_path / "yolo", to="yolo")
    expected, found = (open_dataset(path, "train") for path in (root, tmp_path / "yolo"))
    assert sorted(found.annotations.rows.boxes.tolist()) == sorted(expected.annotations.rows.boxes.tolist())


def test_two_splits_that_yolo_calls_val_are_refused(tmp_path: Path) -> None:
    root = fill(tmp_path / "a", "images/1.png", "images/2.png")
    for name, picture in (("val", 1), ("valid", 2)):
        write(root, {f"{name}.csv": f"file,xmin,ymin,xmax,ymax,label\n{picture}.png,1,1,9,20,cat\n"})
    with pytest.raises(DataError, match="both val and valid"):
        convert(root, tmp_path / "yolo", to="yolo")


def test_videos_of_similar_names_stay_apart_in_mot(tmp_path: Path) -> None:
    content = plain(videos=True)
    for entry, video in zip(content["images"], ("a/b", "a_b", "../x"), strict=True):
        entry |= {"video": video, "frame_id": 1}
    convert(write_coco(tmp_path / "coco", content=content), tmp_path / "mot", to="mot")
    folders = sorted(path.parent.parent.relative_to(tmp_path / "mot").as_posix() for path in tmp_path.rglob("img1/*"))
    assert folders == ["train/_x", "train/a_b", "train/a_b_2"]


@pytest.mark.parametrize("to", ["coco", "yolo", "csv"])
def test_a_picture_from_elsewhere_is_brought_into_the_new_folder_and_nowhere_else(to: str, tmp_path: Path) -> None:
    victim = tmp_path / "home" / "notes.png"
    victim.parent.mkdir()
    victim.write_bytes(b"mine")
    content = plain()
    root = write_coco(tmp_path / "downloads" / "release" / "data", content=content)
    content["images"][0]["file_name"] = "../../../../notes.png"
    write_json(root / "annotations" / "instances_train.json", content)
    shutil.copy(root / "images" / "train" / "1.png", tmp_path / "downloads" / "notes.png")
    convert(root, tmp_path / "home" / "mine", to=to)
    assert victim.read_bytes() == b"mine"
    assert sorted(path.name for path in victim.parent.iterdir()) == ["mine", "notes.png"]
    assert len(open_dataset(tmp_path / "home" / "mine", "train")) == 3


def test_a_split_deals_out_every_picture_once_and_keeps_its_labels(tmp_path: Path) -> None:
    root = write_coco(tmp_path / "a")
    expected = by_picture(open_dataset(root, "train"))

    written = split(root, tmp_path / "b", val=0.34, seed=3)

    train, val = (by_picture(open_dataset(tmp_path / "b", name)) for name in ("train", "val"))
    assert not train.keys() & val.keys() and train | val == expected
    assert (written.format, sum(written.pictures.values()), len(val)) == ("coco", 3, 1)


def test_which_split_is_to_be_dealt_out_must_be_clear(tmp_path: Path) -> None:
    write_coco(write_coco(tmp_path / "a"), "val")

    with pytest.raises(ConfigError, match="has the splits 'train', 'val'; say which"):
        split(tmp_path / "a", tmp_path / "b")
    assert sum(split(tmp_path / "a", tmp_path / "b", split="val", to="yolo").pictures.values()) == 3
