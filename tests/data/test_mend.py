"""What a mended copy holds, beyond being clean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.checks.ground import BOX, MARK, SIZE, Site, fingerprint
from tests.data.checks.planted import PLANTINGS
from unified.data.dataset import Dataset, open_dataset
from unified.data.mend import mend
from unified.errors import DataError


def mended(tmp_path: Path, *names: str) -> Dataset:
    """The split train of the copy."""
    site = Site(tmp_path / "data")
    for name in names:
        PLANTINGS[name](site, name)
    mend(site.write(), tmp_path / "copy")
    return open_dataset(tmp_path / "copy", "train")


def test_a_clean_set_is_copied_as_it_is(tmp_path: Path) -> None:
    copy = mended(tmp_path)
    original = open_dataset(tmp_path / "data", "train")

    assert [copy.record(i).path.read_bytes() for i in range(len(copy))] == [
        original.record(i).path.read_bytes() for i in range(len(original))
    ]
    for name in ("boxes", "categories", "identities", "area", "crowd"):
        assert np.array_equal(getattr(copy.annotations.rows, name), getattr(original.annotations.rows, name))
    assert copy.record(0).labels.captions == original.record(0).labels.captions
    assert copy.taxonomy == original.taxonomy and copy.annotations.image_ids == original.annotations.image_ids


@pytest.mark.parametrize("name", ["unusual pixels/CMYK", "unusual pixels/16 bits", "animation"])
def test_odd_pictures_are_written_anew_and_keep_their_boxes(name: str, tmp_path: Path) -> None:
    copy = mended(tmp_path, name)

    last = copy.record(len(copy) - 1)
    with Image.open(last.path) as picture:
        assert (picture.format, picture.mode, getattr(picture, "n_frames", 1)) == ("PNG", "RGB", 1)
    assert last.labels.objects is not None and len(last.labels.objects) == 1


def test_a_picture_whose_boxes_are_of_the_unturned_one_is_turned_back(tmp_path: Path) -> None:
    copy = mended(tmp_path, "boxes of the unturned picture")

    last = copy.record(len(copy) - 1)
    (stored,) = (tmp_path / "data/images/train").glob("*.jpg")
    with Image.open(stored) as picture:
        raw = np.asarray(picture.convert("RGB"))
    assert last.size == SIZE and np.array_equal(np.asarray(copy.picture(len(copy) - 1)), raw)


def test_pictures_from_elsewhere_come_into_the_copy(tmp_path: Path) -> None:
    copy = mended(tmp_path, "path outside/relative", "path outside/absolute", "misspelt file name/case")

    paths = [copy.record(i).path for i in range(len(copy))]
    assert all(path.resolve().is_relative_to(tmp_path / "copy") and path.is_file() for path in paths)
    assert len(paths) == 7


def test_an_identity_that_cannot_be_goes_and_its_box_stays(tmp_path: Path) -> None:
    rows = mended(tmp_path, "identity twice").annotations.rows

    assert rows.identities[-2:].tolist() == [70_001, -1] and len(rows) == 2 * 4 + 2


def test_a_box_reaching_out_is_clipped_and_an_area_beyond_its_box_corrected(tmp_path: Path) -> None:
    rows = mended(tmp_path, "box clipped", "area beyond box").annotations.rows

    assert rows.boxes[-3].tolist() == [20, 9, 32, 19]
    assert rows.area[-1] == 25


def test_the_first_of_two_boxes_or_pictures_stays(tmp_path: Path) -> None:
    copy = mended(tmp_path, "duplicate box", "duplicate picture", "picture listed twice")

    assert len(copy) == 4 + 3
    x, y, w, h = BOX
    assert copy.annotations.objects_of(4).boxes.tolist() == [[x, y, x + w, y + h]]


def test_splits_of_other_classes_get_one_list(tmp_path: Path) -> None:
    copy = mended(tmp_path, "classes differ")

    other = open_dataset(tmp_path / "copy", "other")
    assert copy.taxonomy.categories == other.taxonomy.categories == ("cat", "dog", "wolf")
    assert other.objects_by_category() == {"cat": 1, "dog": 0, "wolf": 1}


def test_a_split_without_a_usable_picture_is_left_out_and_said(tmp_path: Path) -> None:
    site = Site(tmp_path / "data")
    site.split("lost")
    site.labelled("lost", content=b"", **{MARK: "lost"})
    lost = site.labelled("lost", width=99)
    site.box(lost, "lost", category_id=2, bbox=[9, 9, 9, 9])

    report = mend(site.write(), tmp_path / "copy")

    assert report.changes[-1].done == "split left out" and "lost" in report.changes[-1].finding.file
    assert {split.split for split in report.copy.splits} == {"train", "val"}
    assert "split left out" in report.text() and "3 changes" in report.text()


def test_where_nothing_is_left_nothing_is_written(tmp_path: Path) -> None:
    site = Site(tmp_path / "data")
    root = site.write()
    for path in root.glob("images/*/*.png"):
        path.write_bytes(b"")
    before = fingerprint(tmp_path)

    with pytest.raises(DataError, match="nothing is left to write"):
        mend(root, tmp_path / "copy")
    assert fingerprint(tmp_path) == before
