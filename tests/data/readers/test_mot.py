from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.readers.folder import fill, findings, write
from unified.data.dataset import open_dataset
from unified.data.readers import find_layout, read
from unified.errors import DataError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two sequences that count their objects from 1, and one to evaluate on."""
    fill(
        tmp_path, *(f"train/{name}/img1/{n:06d}.jpg" for name in ("A", "B") for n in (1, 2, 3)), "val/C/img1/000001.jpg"
    )
    return write(
        tmp_path,
        {
            "train/A/gt/gt.txt": "1,1,11,21,30,10,1,1,1\n3,1,1,1,100,50,1,1,0.5\n1,2,5,5,10,10,0,8,1\n",
            "train/B/gt/gt.txt": "2,1,11,21,30,10,1,-1,-1,-1\n",
            "val/C/gt/gt.txt": "1,1,1,1,9,9,1,1,1\n",
        },
    )


def test_coordinates_count_from_one_and_frames_without_lines_are_empty(root: Path) -> None:
    dataset = open_dataset(root, "train")

    assert len(dataset) == 6
    first, second = (dataset.record(i).labels.objects for i in (0, 1))
    assert first is not None and first.boxes.tolist() == [[10, 20, 40, 30], [4, 4, 14, 14]]
    assert second is not None and len(second) == 0
    assert dataset.taxonomy.categories == ("pedestrian",) and dataset.annotations.videos is not None
    assert "(MOT), train: 6 pictures, 4 objects of 1 classes" in dataset.summary()


def test_flag_zero_marks_a_region_to_be_ignored_without_identity(root: Path) -> None:
    rows = open_dataset(root, "train").annotations.objects_of(0)

    assert rows.crowd.tolist() == [False, True] and rows.identities[1] == -1
    assert "ignored objects" in {note.kind for note in findings(root)}


def test_ids_become_unique_over_sequences_and_the_same_in_every_split(root: Path) -> None:
    train, val = (read(find_layout(root, split)) for split in ("train", "val"))

    known = [set(each.rows.identities.tolist()) - {-1} for each in (train, val)]
    assert [len(ids) for ids in known] == [2, 1] and not known[0] & known[1]
    assert train.taxonomy.identities == 2


def test_ids_that_no_two_sequences_share_are_kept(root: Path) -> None:
    write(root, {"train/B/gt/gt.txt": "2,7,11,21,30,10,1,1,1\n", "val/C/gt/gt.txt": "1,9,1,1,9,9,1,1,1\n"})

    assert set(open_dataset(root, "train").annotations.rows.identities.tolist()) == {1, -1, 7}


def test_a_sequence_may_be_cut_in_time(tmp_path: Path) -> None:
    fill(tmp_path, *(f"images/walk/{n:04d}.jpg" for n in range(1, 7)))
    write(tmp_path, {"gt/walk_train.txt": "1,1,1,1,9,9\n3,1,1,1,9,9\n", "gt/walk_val.txt": "5,1,1,1,9,9\n"})

    train, val = open_dataset(tmp_path, "train"), open_dataset(tmp_path, "val")
    assert [record.path.stem for record in map(train.record, range(len(train)))] == ["0001", "0002", "0003"]
    assert len(val) == 1 and set(val.annotations.rows.identities) == set(train.annotations.rows.identities)


def test_classes_may_be_listed(root: Path) -> None:
    write(root, {"labels.txt": "person\ncar\n", "val/C/gt/gt.txt": "1,1,1,1,9,9,1,2,1\n"})
    write(root, {"train/A/gt/gt.txt": "1,1,11,21,30,10,1,1,1\n"})

    dataset = open_dataset(root, "val")
    assert dataset.taxonomy.categories == ("person", "car") and dataset.annotations.rows.categories.tolist() == [1]


@pytest.mark.parametrize(
    ("line", "kind", "says"),
    [
        ("1,1,1,1,9", "wrong columns", "5 values in '1,1,1,1,9'; a line is frame,id,x,y,width,height"),
        ("1,one,1,1,9,9,1,1,1", "bad value", "id is 'one'"),
        ("1,-1,1,1,9,9,1,1,1", "bad value", "id is -1; allowed: a whole number, 0 or more"),
        ("1,7,1,1,0,9,1,1,1", "zero-size box", "width and height are 0 and 9; allowed: above 0"),
        ("9,7,1,1,9,9,1,1,1", "missing picture", "frame 9 is not in"),
        ("1,1,1,1,9,9,1,1,1", "identity twice", "id 1 is in frame 1 on line 1, too"),
        ("1,7,1,1,9,9,1,99,1", "unknown category", "class is 99; there are 13: pedestrian"),
        ("1,7,1,1,9,inf,1,1,1", "non-finite number", "height is inf"),
    ],
)
def test_a_bad_line_is_told_with_file_and_line(line: str, kind: str, says: str, root: Path) -> None:
    path = root / "train/A/gt/gt.txt"
    path.write_text(f"1,1,11,21,30,10,1,1,1\n{line}\n")

    (fault,) = findings(root)
    assert (fault.kind, fault.file, fault.line) == (kind, str(path), 2) and says in fault.message


def test_a_sequence_without_frames_is_refused(root: Path) -> None:
    for path in (root / "val/C/img1").iterdir():
        path.unlink()

    with pytest.raises(DataError, match=r"gt\.txt: no frames in"):
        open_dataset(root, "val")


def test_real_tracks_are_those_of_the_coco_file(real_data: Path) -> None:
    for split in ("train", "val"):
        text, coco = (read(find_layout(real_data / "mot-mini", split, name)) for name in ("mot", "coco"))
        names = [Path(name).name for name in text.files]
        assert names == [Path(name).name for name in sorted(coco.files)]
        order = sorted(range(len(coco)), key=lambda i: coco.files[i])
        for i, j in enumerate(order):
            ours = dict(zip(text.objects_of(i).identities.tolist(), text.objects_of(i).boxes.tolist(), strict=True))
            theirs = dict(zip(coco.objects_of(j).identities.tolist(), coco.objects_of(j).boxes.tolist(), strict=True))
            assert ours.keys() == theirs.keys()
            for identity, box in ours.items():
                assert box == pytest.approx(theirs[identity], abs=0.006)  # pixels: the COCO file has two digits
