from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from tests.data.readers.folder import fill, findings, write
from unified.data.dataset import open_dataset
from unified.errors import DataError

YAML = "path: .\ntrain: images/train\nval: images/val\nnames:\n  0: cat\n  1: no\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    fill(tmp_path, "images/train/a.png", "images/train/b.png", "images/val/c.png")
    labels = {"a": "1 0.5 0.5 0.2 0.4\n\n0 0.1 0.2 0.2 0.4\n", "b": "", "c": "0 0.5 0.5 1 1"}
    where = {"a": "train", "b": "train", "c": "val"}
    return write(tmp_path, {"data.yaml": YAML} | {f"labels/{where[k]}/{k}.txt": text for k, text in labels.items()})


def test_shares_of_the_picture_become_pixels_and_class_names_are_words(root: Path) -> None:
    dataset = open_dataset(root, "train")

    objects = dataset.record(0).labels.objects
    assert objects is not None
    assert objects.boxes.tolist() == [[40, 15, 60, 35], [0, 0, 20, 20]]
    assert objects.categories.tolist() == [1, 0]
    assert dataset.taxonomy.categories == ("cat", "no")
    assert (
        dataset.summary()
        == f"{root.name} (YOLO), train: 2 pictures, 2 objects of 2 classes, 1 pictures without objects"
    )


def test_a_picture_without_a_label_file_is_one_without_objects(root: Path) -> None:
    (root / "labels/train/b.txt").unlink()

    objects = open_dataset(root, "train").record(1).labels.objects
    assert objects is not None and len(objects) == 0


def test_a_split_without_any_label_file_is_not_labelled_and_refused(root: Path) -> None:
    (root / "labels/val/c.txt").unlink()

    with pytest.raises(DataError, match=r"'val' has 1 usable pictures and not one label file(?s:.*)labels/val/c\.txt"):
        open_dataset(root, "val")


def test_sizes_are_those_of_pictures_turned_upright(root: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (100, 50)).save(root / "images/train/a.png", exif=exif)

    record = open_dataset(root, "train").record(0)
    assert record.size == (50, 100) and record.labels.objects is not None
    assert record.labels.objects.boxes[0].tolist() == [20, 30, 30, 70]


def test_polygons_become_the_boxes_around_them_and_keep_their_area(root: Path) -> None:
    write(root, {"labels/train/a.txt": "0 0.1 0.2 0.5 0.2 0.1 0.6\n"})
    dataset = open_dataset(root, "train")

    objects = dataset.record(0).labels.objects
    assert objects is not None
    assert objects.boxes[0].tolist() == pytest.approx([10, 10, 50, 30]) and objects.area.tolist() == pytest.approx(
        [400]
    )
    assert "1 x polygons" in dataset.summary()


def test_keypoints_are_left_out_and_it_is_said(root: Path) -> None:
    write(root, {"data.yaml": YAML + "kpt_shape: [1, 3]\n", "labels/train/a.txt": "0 0.5 0.5 0.2 0.4 0.5 0.5 2\n"})

    (note,) = findings(root)
    assert (note.kind, note.severity) == ("keypoints", "note")


@pytest.mark.parametrize(
    ("line", "kind", "says"),
    [
        ("0 0.5 0.5 0.2", "wrong columns", "4 values in '0 0.5 0.5 0.2'; a line is `class x y w h`"),
        ("0 0.5 half 0.2 0.2", "bad value", "value 3 is 'half'; allowed: a number"),
        ("0 0.5 nan 0.2 0.2", "non-finite number", "allowed: a finite number"),
        ("2 0.5 0.5 0.2 0.2", "unknown category", "class is 2; data.yaml names 2: 0 cat, 1 no"),
        ("0.5 0.5 0.5 0.2 0.2", "bad value", "class is 0.5; allowed: a whole number"),
        ("0 0.5 0.5 0 0.2", "zero-size box", "w and h are 0 and 0.2; allowed: above 0"),
        ("0 0.5 0.5 0.2 -0.2", "negative box", "allowed: above 0"),
        ("0 50 25 20 20", "not a share", "50 is not in 0 to 1"),
        ("0 0.1 0.1 0.1 0.1 0.1 0.1", "zero-size box", "has no area"),
    ],
)
def test_a_bad_line_is_told_with_file_and_line_and_the_others_are_kept(
    line: str, kind: str, says: str, root: Path
) -> None:
    write(root, {"labels/train/a.txt": f"1 0.5 0.5 0.2 0.4\n{line}\n"})

    (fault,) = findings(root)
    assert (fault.kind, fault.file, fault.line) == (kind, str(root / "labels/train/a.txt"), 2) and says in fault.message
    with pytest.raises(DataError, match=re.escape(str(root / "labels/train/a.txt")) + r":\n  line 2: "):
        open_dataset(root, "train")
    assert len(open_dataset(root, "train", on_error="drop").annotations.rows) == 1


def test_a_box_reaching_out_is_clipped_and_noted(root: Path) -> None:
    write(root, {"labels/train/a.txt": "0 0.1 0.5 0.4 0.5"})

    (note,) = findings(root)
    assert (note.kind, note.severity, note.line) == ("box clipped", "note", 1)


def test_labels_without_a_picture_and_unreadable_pictures_are_faults(root: Path) -> None:
    write(root, {"labels/train/gone.txt": "", "images/train/b.png": "no picture"})

    assert {(fault.kind, Path(fault.file).name) for fault in findings(root)} == {
        ("missing picture", "gone.txt"),
        ("not a picture", "b.png"),
    }


def test_a_list_of_pictures_may_name_a_split(root: Path) -> None:
    write(
        root, {"data.yaml": "train: train.txt\nnames: [cat, dog]\n", "train.txt": "./images/val/c.png\nimages/x.png\n"}
    )

    (fault,) = findings(root)
    assert (fault.kind, Path(fault.file).name, fault.line) == ("missing picture", "train.txt", 2)
    assert open_dataset(root, "train", on_error="drop").record(0).path == root / "images/val/c.png"


def test_roboflows_paths_from_a_folder_above_are_understood(tmp_path: Path) -> None:
    fill(tmp_path, "train/images/a.jpg")
    write(tmp_path, {"data.yaml": "train: ../train/images\nnames: ['a']\n", "train/labels/a.txt": "0 0.5 0.5 1 1"})

    assert len(open_dataset(tmp_path, "train").annotations.rows) == 1


def test_without_a_description_a_list_of_classes_is_enough(root: Path) -> None:
    (root / "data.yaml").unlink()
    write(root, {"classes.txt": "cat\ndog\n"})

    assert open_dataset(root, "val").taxonomy.categories == ("cat", "dog")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("train: images/train\nnames: {a: b}\n", r"a key of names is 'a'; allowed: a number"),
        ("train: images/train\nnames: 3\n", r"names is '3'; allowed: a list of class names"),
        ("train: [[]]\nnames: [a]\n", r"train is \[\[\]\]; allowed: a folder"),
        ("train: nowhere\nnames: [a]\n", r"train is 'nowhere'(?s:.*)no such folder"),
        ("train: images/train\nnames: [a\n", "not valid YAML"),
        ("a: &a [x]\nnames: [*a, *a]\ntrain: images/train\n", r"aliases \(\*\) are not allowed"),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(text: str, says: str, root: Path) -> None:
    write(root, {"data.yaml": text})

    with pytest.raises(DataError, match=rf"data\.yaml: (?s:.*){says}"):
        open_dataset(root, "train")
