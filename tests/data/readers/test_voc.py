from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.readers.folder import fill, findings, write
from unified.data.dataset import open_dataset
from unified.errors import DataError

BOMB = '<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9)
)


def thing(name: str = "cat", box: str = "1 1 10 20", more: str = "") -> str:
    corners = "".join(f"<{k}>{v}</{k}>" for k, v in zip(("xmin", "ymin", "xmax", "ymax"), box.split(), strict=True))
    return f"<object><name>{name}</name>{more}<bndbox>{corners}</bndbox></object>\n"


def xml(*objects: str, size: str = "<size><width>100</width><height>50</height></size>") -> str:
    return f"<annotation>\n{size}\n{''.join(objects)}</annotation>"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    fill(tmp_path, *(f"JPEGImages/{name}.jpg" for name in "abc"))
    part = "<part><name>head</name><bndbox/></part>"
    labels = {
        "a": xml(thing("dog", "1 1 100 50"), thing("cat", "11 21 30.5 40", part)),
        "b": xml(),
        "c": xml(thing("ant")),
    }
    lists = {
        "ImageSets/Main/train.txt": "a\nb\n",
        "ImageSets/Main/val.txt": "c\n",
        "ImageSets/Main/cat_train.txt": "a 1\n",
    }
    return write(tmp_path, {f"Annotations/{k}.xml": text for k, text in labels.items()} | lists)


def test_pixels_count_from_one_and_the_last_one_belongs_to_the_box(root: Path) -> None:
    dataset = open_dataset(root, "train")

    objects = dataset.record(0).labels.objects
    assert objects is not None
    assert objects.boxes.tolist() == [[0, 0, 100, 50], [10, 20, 30.5, 40]]
    assert [dataset.taxonomy.categories[k] for k in objects.categories] == ["dog", "cat"]
    assert "(VOC), train: 2 pictures, 2 objects of 3 classes, 1 pictures without objects" in dataset.summary()


def test_classes_are_those_of_all_splits_unless_they_are_listed(root: Path) -> None:
    assert open_dataset(root, "train").taxonomy == open_dataset(root, "val").taxonomy
    assert open_dataset(root, "val").taxonomy.categories == ("ant", "cat", "dog")
    write(root, {"classes.txt": "dog\ncat\nant\n"})
    assert open_dataset(root, "val").taxonomy.categories == ("dog", "cat", "ant")


def test_difficult_objects_are_regions_to_be_ignored(root: Path) -> None:
    write(root, {"Annotations/a.xml": xml(thing(more="<difficult>1</difficult>"), thing())})
    dataset = open_dataset(root, "train")

    assert dataset.annotations.rows.crowd.tolist() == [True, False]
    assert "1 x difficult objects" in dataset.summary()


@pytest.mark.parametrize(
    ("text", "kind", "line", "says"),
    [
        (xml(thing(), thing(box="9 9 x 12")), "bad value", 4, "xmax is 'x'; allowed: a number"),
        (xml(thing(), thing(box="9 9 3 12")), "negative box", 4, "xmax, ymax not below xmin, ymin"),
        (xml(thing(box="200 1 210 9")), "box outside", 3, "wholly outside its picture of 100x50"),
        (xml("<object><name>cat</name></object>\n"), "missing value", 3, "'cat' has no <bndbox>"),
        (xml(thing("")), "missing value", 3, "without a <name>"),
        (
            xml(thing(), size="<size><width>50</width><height>100</height></size>"),
            "size mismatch",
            2,
            "is 50x100; the picture",
        ),
        ("<annotation>\n<object>\n</annotation>", "unusable label file", 3, "malformed XML: mismatched tag"),
        ("", "unusable label file", 1, "malformed XML: no element found"),
        ("<html/>", "unusable label file", 1, "the root is <html>; allowed: <annotation>"),
        (f"{BOMB}]><annotation>&j;</annotation>", "unusable label file", 1, "entities are refused"),
        ("<a>" * 50 + "</a>" * 50, "unusable label file", 1, "nested deeper than 20 levels"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(text: str, kind: str, line: int, says: str, root: Path) -> None:
    write(root, {"Annotations/a.xml": text})

    (fault,) = findings(root)
    assert (fault.kind, fault.file, fault.line) == (kind, str(root / "Annotations/a.xml"), line)
    assert says in fault.message


def test_a_class_outside_the_list_is_a_fault(root: Path) -> None:
    write(root, {"classes.txt": "dog\nant\n"})

    (fault,) = findings(root)
    assert (fault.kind, fault.line) == ("unknown category", 4) and "'cat' is not in classes.txt" in fault.message


def test_names_may_have_spaces_and_look_like_lines_of_a_class_list(tmp_path: Path) -> None:
    names = ["000 a dog", "street 1", "plain"]
    fill(tmp_path, *(f"JPEGImages/{name}.jpg" for name in names))
    lists = {
        "ImageSets/Main/train.txt": "street 1\n000 a dog\n",
        "ImageSets/Main/val.txt": "plain\n",
        "ImageSets/Main/cat_train.txt": "plain -1\nplain 1\n",
    }
    write(tmp_path, {f"Annotations/{name}.xml": xml(thing()) for name in names} | lists)
    assert [open_dataset(tmp_path, "train").record(i).path.stem for i in range(2)] == ["street 1", "000 a dog"]
    assert open_dataset(tmp_path, "val").record(0).path.stem == "plain"


def test_missing_pictures_and_missing_labels_are_faults(root: Path) -> None:
    (root / "JPEGImages/a.jpg").unlink()
    write(root, {"ImageSets/Main/train.txt": "a\nb\nz\n"})

    missing_picture, missing_label = sorted(findings(root), key=lambda fault: fault.kind, reverse=True)
    assert (missing_picture.kind, Path(missing_picture.file).name) == ("missing picture", "a.xml")
    assert (missing_label.kind, Path(missing_label.file).name, missing_label.line) == (
        "missing label file",
        "train.txt",
        3,
    )


def test_a_folder_a_split_with_the_pictures_beside(tmp_path: Path) -> None:
    fill(tmp_path, "train/a.jpg", "valid/other.jpg")
    renamed = xml("<filename>other.jpg</filename>", thing("bee"))
    write(tmp_path, {"train/a.xml": xml(thing()), "valid/b.xml": renamed})

    dataset = open_dataset(tmp_path, "val")
    assert dataset.record(0).path.name == "other.jpg" and dataset.taxonomy.categories == ("bee", "cat")


def test_an_empty_split_is_refused(root: Path) -> None:
    write(root, {"ImageSets/Main/val.txt": "\n", "Annotations/b.xml": "<"})

    with pytest.raises(DataError, match="no split 'val'"):
        open_dataset(root, "val")
