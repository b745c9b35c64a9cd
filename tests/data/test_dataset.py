from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from tests.data.readers.folder import fill
from tests.data.tiny import captions, document, draw_pictures, write_coco, write_json
from unified.data.dataset import open_dataset
from unified.data.letterbox import Letterbox
from unified.data.loader import Loader
from unified.errors import DataError

LAYOUTS = {
    "plain": ("COCO", "annotations/instances_train.json", "images/train", "annotations/captions_train.json"),
    "pictures in one folder": ("COCO", "annotations/instances_train.json", "images", "annotations/captions_train.json"),
    "official": (
        "official COCO",
        "annotations/instances_train2017.json",
        "train2017",
        "annotations/captions_train2017.json",
    ),
    "official under images": (
        *("official COCO", "annotations/instances_train2017.json", "images/train2017"),
        "annotations/captions_train2017.json",
    ),
    "Roboflow": ("Roboflow COCO", "train/_annotations.coco.json", "train", "train/_captions.coco.json"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_is_recognised_and_named(layout: str, tmp_path: Path) -> None:
    name, instances, images, texts = LAYOUTS[layout]
    root = tmp_path / "pets"
    write_json(root / instances, document())
    write_json(root / texts, captions())
    draw_pictures(root / images, document())

    dataset = open_dataset(root, "train")

    assert dataset.name == f"pets ({name})" and dataset.split == "train"
    assert dataset.picture(0).size == (64, 48)
    assert dataset.record(0).labels.captions == ("A dog left of a cat.", "two animals")


def test_pictures_may_lie_in_folders_of_their_own(tmp_path: Path) -> None:
    content = document()
    for entry in content["images"]:
        entry["file_name"] = f"sequence-{entry['id']}/000001.png"
    write_json(tmp_path / "annotations/instances_train.json", content)
    draw_pictures(tmp_path / "images", content)

    assert open_dataset(tmp_path, "train").record(2).path == tmp_path / "images/sequence-5/000001.png"


def test_chosen_pictures_come_with_their_own_size_and_labels_in_views_and_records_alike(tmp_path: Path) -> None:
    content = document()
    for entry, width in zip(content["images"], (64, 90, 30), strict=True):
        entry["width"] = width
    content["annotations"][2]["bbox"] = [0, 0, 30, 20]
    whole = open_dataset(write_coco(tmp_path, content=content), "train")

    chosen = whole.chosen([1, 0])

    (batch,) = Loader(chosen, Letterbox(96), batch=2).epoch(0)
    assert [sample.record.image_id for sample in batch.samples] == [2, 1]
    for sample, i in zip(batch.samples, (1, 0), strict=True):
        record, objects, truth = sample.record, sample.labels.objects, whole.record(i).labels.objects
        assert record.size == whole.record(i).size and objects is not None and truth is not None
        assert objects.categories.tolist() == truth.categories.tolist()
        corners = sample.frame.to_input(truth.boxes.as_subclass(torch.Tensor))
        assert torch.allclose(corners, objects.boxes.as_subclass(torch.Tensor).to(corners.dtype), atol=1e-3)


@pytest.mark.parametrize(("there", "asked"), [("valid", "val"), ("val", "valid")])
def test_val_and_valid_are_one_split(there: str, asked: str, tmp_path: Path) -> None:
    write_coco(tmp_path, there)

    assert open_dataset(tmp_path, asked).split == there


def test_captions_are_optional(tmp_path: Path) -> None:
    assert open_dataset(write_coco(tmp_path), "train").record(0).labels.captions is None


def test_a_split_that_is_not_there_says_what_was_looked_for_and_what_is_there(tmp_path: Path) -> None:
    write_coco(tmp_path, "train")
    write_coco(tmp_path, "val")

    with pytest.raises(DataError) as error:
        open_dataset(tmp_path, "test")

    message = str(error.value)
    for wanted in (
        "annotations/instances_test.json",
        "annotations/instances_test2017.json",
        "test/_annotations.coco.json",
    ):
        assert str(tmp_path / wanted) in message
    assert "There is: splits 'train', 'val'" in message


def test_a_folder_that_is_no_data_set_is_shown(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "data.yaml").touch()

    with pytest.raises(DataError, match=r"no split 'train'(?s:.*)There is: data\.yaml, labels\."):
        open_dataset(tmp_path, "train")


def test_a_missing_folder_names_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "coco-mini").mkdir()

    with pytest.raises(DataError, match=r"no such data set folder\. Did you mean .*coco-mini\?"):
        open_dataset(tmp_path / "coco_mini", "train")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "instances.json").touch()
    with pytest.raises(DataError, match=r"instances\.json is a file, and no data set folder"):
        open_dataset(tmp_path / "instances.json", "train")


def test_a_record_describes_the_picture_as_the_files_do(tmp_path: Path) -> None:
    record = open_dataset(write_coco(tmp_path), "train").record(0)

    assert (record.image_id, record.path.name, record.size) == (1, "1.png", (64, 48))
    objects = record.labels.objects
    assert objects is not None and objects.boxes.dtype == torch.float64
    assert objects.boxes.canvas_size == (48, 64)
    assert objects.boxes.tolist() == [[5, 5, 15, 25], [0, 0, 64, 48]]
    assert record.labels.tags is None


def test_a_picture_known_to_be_empty_has_no_objects_rather_than_no_label(tmp_path: Path) -> None:
    objects = open_dataset(write_coco(tmp_path), "train").record(2).labels.objects

    assert objects is not None and len(objects) == 0


def test_a_picture_of_another_size_is_refused_when_loaded(tmp_path: Path) -> None:
    dataset = open_dataset(write_coco(tmp_path), "train")
    Image.new("RGB", (48, 64)).save(dataset.record(1).path)

    with pytest.raises(DataError, match=r"2\.png.*48x64.*64x48"):
        dataset.picture(1)


def test_the_size_is_that_of_the_picture_turned_upright(tmp_path: Path) -> None:
    dataset = open_dataset(write_coco(tmp_path), "train")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (48, 64)).save(dataset.record(1).path, exif=exif)

    assert dataset.picture(1).size == (64, 48)


def test_the_summary_counts(tmp_path: Path) -> None:
    content: dict[str, Any] = document()
    content["annotations"][0]["bbox"] = [-9, 0, 20, 20]
    summary = open_dataset(write_coco(tmp_path / "pets", content=content), "train").summary()

    assert summary == (
        "pets (COCO), train: 3 pictures, 3 objects of 2 classes, 1 pictures without objects, 1 crowd regions, "
        "1 identities, 1 x box clipped"
    )


def test_objects_are_counted_by_category(tmp_path: Path) -> None:
    assert open_dataset(write_coco(tmp_path), "train").objects_by_category() == {"cat": 1, "dog": 1}


def test_tags_are_counted_where_there_are_no_boxes(tmp_path: Path) -> None:
    fill(tmp_path, "train/cat/1.png", "train/dog/2.png", "train/dog/3.png")
    assert open_dataset(tmp_path, "train").objects_by_category() == {"cat": 1, "dog": 2}


@pytest.mark.parametrize(
    ("name", "train", "val"),
    [("coco-mini", 700, 120), ("bccd", 205, 87), ("mot-mini", 114, 20), ("orl-faces", 240, 60)],
)
def test_real_data_sets_open(name: str, train: int, val: int, real_data: Path) -> None:
    for split, count in (("train", train), ("val", val)):
        dataset = open_dataset(real_data / name, split)
        assert len(dataset) == count
        assert dataset.picture(count - 1).size == dataset.record(count - 1).size
