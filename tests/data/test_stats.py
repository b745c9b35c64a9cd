from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from analysis.dataset import plot_stats
from tests.data.readers.folder import fill
from tests.data.tiny import captions, write_coco, write_json
from unified.data.convert import convert
from unified.data.dataset import open_dataset
from unified.data.stats import stats


def test_numbers_are_those_of_the_files(tmp_path: Path) -> None:
    write_json(write_coco(tmp_path) / "annotations/captions_train.json", captions())

    (found,) = stats(tmp_path).splits

    assert (found.pictures, found.objects, found.crowds, found.without_objects) == (3, 2, 1, 1)
    assert (found.small, found.medium, found.large) == (2, 0, 0)  # 200 and 1000.5 square pixels
    assert found.classes == {"cat": 1, "dog": 1} and found.pictures_with == {"cat": 2, "dog": 1}
    assert (found.identities, found.captions) == (1, 3)
    assert found.box_size is not None and found.box_size.least == pytest.approx(200**0.5, abs=1e-3)
    assert found.words_per_caption is not None and found.words_per_caption.most == 6
    assert found.width is not None and (found.width.median, found.objects_per_picture is not None) == (64, True)


def test_of_folders_tags_are_counted_and_objects_are_not(tmp_path: Path) -> None:
    fill(tmp_path, "train/cat/1.png", "train/dog/2.png", "val/dog/3.png")

    train, val = stats(tmp_path).splits
    assert (train.objects, train.without_objects, train.objects_per_picture) == (0, 0, None)
    assert (train.tagged, train.pictures_with, val.pictures_with) == (2, {"cat": 1, "dog": 1}, {"cat": 0, "dog": 1})


def test_a_report_goes_through_json_and_into_tables_and_a_picture(tmp_path: Path) -> None:
    found = stats(write_coco(write_coco(tmp_path / "a"), "val"))

    assert [split["split"] for split in json.loads(json.dumps(found.to_json()))["splits"]] == ["train", "val"]
    assert found.numbers()[0] == {"": "pictures", "train": 3, "val": 3}
    assert [row["class"] for row in found.classes()] == ["cat", "dog"]
    assert plot_stats(found, tmp_path / "a.png").stat().st_size > 10_000


def test_real_cells_have_the_same_numbers_in_every_format(real_data: Path, tmp_path: Path) -> None:
    expected = {split.split: split for split in stats(real_data / "bccd").splits}
    for to in ("yolo", "voc"):
        convert(real_data / "bccd", tmp_path / to, to=to, pictures="symlink")
        for split in stats(tmp_path / to).splits:
            known = expected[split.split]
            assert (split.small, split.medium, split.large) == (known.small, known.medium, known.large)
            assert (split.classes, split.box_size, split.width) == (known.classes, known.box_size, known.width)
            first, again = (open_dataset(path, split.split) for path in (real_data / "bccd", tmp_path / to))
            difference = np.sort(first.annotations.rows.boxes, 0) - np.sort(again.annotations.rows.boxes, 0)
            assert np.abs(difference).max() < 1e-5  # pixels
