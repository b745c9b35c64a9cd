from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.data.readers.folder import fill, findings, write
from unified.data.dataset import Dataset, open_dataset
from unified.errors import DataError

BOXES = """file,xmin,ymin,xmax,ymax,label,identity,crowd
a.jpg,0,0,100,50,dog,3,0
a.jpg,10,20.5,30,40,cat,,1
b.jpg,,,,,,,
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return fill(tmp_path, "images/a.jpg", "images/b.jpg", "images/c.jpg")


def tags(dataset: Dataset) -> dict[str, set[str] | None]:
    """{picture: its tags}, None where it is not labelled."""
    names = np.array(dataset.taxonomy.categories)
    found: dict[str, set[str] | None] = {}
    for record in map(dataset.record, range(len(dataset))):
        row = record.labels.tags
        found[record.path.stem] = None if row is None else set(names[row.numpy()])
    return found


def test_a_row_an_object_with_corners_from_zero(root: Path) -> None:
    write(root, {"train.csv": BOXES})
    dataset = open_dataset(root, "train")

    first, second = (dataset.record(i).labels for i in (0, 1))
    assert first.objects is not None and second.objects is not None and first.tags is None
    assert first.objects.boxes.tolist() == [[0, 0, 100, 50], [10, 20.5, 30, 40]]
    assert first.objects.identities.tolist() == [3, -1] and first.objects.crowd.tolist() == [False, True]
    assert len(second.objects) == 0 and dataset.taxonomy.categories == ("cat", "dog")
    assert "(CSV), train: 2 pictures, 2 objects of 2 classes" in dataset.summary()


def test_several_labels_in_a_cell_are_tags_and_the_picture_has_no_objects_rather_than_none(root: Path) -> None:
    write(root, {"train.csv": "image;label\na.jpg;cat|dog\nb.jpg;\nc.jpg;dog\nc.jpg;eel\n"})
    dataset = open_dataset(root, "train")

    assert tags(dataset) == {"a": {"cat", "dog"}, "b": set(), "c": {"dog", "eel"}}
    assert dataset.record(0).labels.objects is None
    assert dataset.summary() == f"{root.name} (CSV), train: 3 pictures, 4 tags of 3 classes on 3 pictures"


def test_a_column_a_class_and_unknown_is_not_absent(root: Path) -> None:
    write(root, {"train.csv": "filename, dog, cat\na.jpg, 1, 0\nb.jpg, 0, 0\nc.jpg, 1,\n"})
    dataset = open_dataset(root, "train")

    assert dataset.taxonomy.categories == ("dog", "cat")
    assert tags(dataset) == {"a": {"dog"}, "b": set(), "c": None}
    assert "1 x unknown tags" in dataset.summary()


def test_one_table_may_hold_all_splits_and_classes_are_those_of_all(root: Path) -> None:
    write(root, {"labels.csv": "file,split,label\na.jpg,train,dog\nb.jpg,train,cat\nc.jpg,val,eel\n"})

    train, val = open_dataset(root, "train"), open_dataset(root, "val")
    assert (len(train), len(val)) == (2, 1) and train.taxonomy == val.taxonomy
    assert tags(val) == {"c": {"eel"}}


def test_roboflows_tables_lie_in_the_splits_folder(tmp_path: Path) -> None:
    fill(tmp_path, "valid/x.jpg", "train/y.jpg")
    head = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
    texts = {
        f"{s}/_annotations.csv": f"{head}{n}.jpg,100,50,cat,1,2,3,4\n" for s, n in (("train", "y"), ("valid", "x"))
    }
    write(tmp_path, texts)

    assert open_dataset(tmp_path, "val").annotations.rows.boxes.tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize(
    ("text", "line", "kind", "says"),
    [
        (BOXES + "b.jpg,1,2,3\n", 5, "wrong columns", "4 cells; the head has 8: file, xmin"),
        (BOXES + "b.jpg,1,2,x,4,cat,,\n", 5, "bad value", "xmax is 'x'; allowed: a number"),
        (BOXES + "b.jpg,5,2,3,4,cat,,\n", 5, "negative box", "xmax, ymax above xmin, ymin"),
        (BOXES + "b.jpg,5,2,5,4,cat,,\n", 5, "zero-size box", "allowed: xmax"),
        (BOXES + "b.jpg,1,2,3,4,,,\n", 5, "missing value", "box 1 2 3 4 has no class"),
        (BOXES + "z.jpg,1,2,3,4,cat,,\n", 5, "missing picture", "z.jpg: no such picture"),
        (BOXES + ",1,2,3,4,cat,,\n", 5, "missing picture", "names no picture"),
        (BOXES + "b.jpg,1,2,3,4,cat,,2\n", 5, "bad value", "crowd is 2; allowed: 0 or 1"),
        (BOXES + "b.jpg,400,2,500,4,cat,,\n", 5, "box outside", "wholly outside its picture of 100x50"),
        ("file,cat\na.jpg,1\nb.jpg,yes\n", 3, "bad value", "cat is 'yes'; allowed: 1, 0, or nothing"),
        ("file,cat\na.jpg,1\na.jpg,0\n", 3, "picture listed twice", "a.jpg has a row already"),
    ],
)
def test_a_bad_row_is_told_with_file_and_line(text: str, line: int, kind: str, says: str, root: Path) -> None:
    write(root, {"train.csv": text})

    (fault,) = findings(root)
    assert (fault.kind, fault.file, fault.line) == (kind, str(root / "train.csv"), line) and says in fault.message


def test_a_class_outside_the_list_is_a_fault(root: Path) -> None:
    write(root, {"train.csv": "file,label\na.jpg,cat\nb.jpg,dgo\n", "classes.txt": "cat\ndog\n"})

    (fault,) = findings(root)
    assert (fault.kind, fault.line) == ("unknown category", 3) and "'dgo' is not in classes.txt" in fault.message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("file\na.jpg\n", r"train\.csv:1: columns file, but none with labels"),
        ("file,xmin,ymin,xmax,ymax\na.jpg,1,2,3,4\n", r"train\.csv:1: boxes without a column for their class"),
        ("file,label,LABEL\na.jpg,1,2\n", r"train\.csv:1: two columns are called 'LABEL'"),
        ('file,label\na.jpg,"cat\n', r"train\.csv:\d: not a table"),
        ("file,label\n", "names no picture"),
        ("file,label\nx.jpg,cat\n", r"its pictures are not there(?s:.*)correct file"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(text: str, says: str, root: Path) -> None:
    write(root, {"train.csv": text})

    with pytest.raises(DataError, match=says):
        open_dataset(root, "train")
