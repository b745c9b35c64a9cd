from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from tests.data.readers.folder import fill, write
from tests.data.tiny import write_coco
from unified.cli.data import Known
from unified.config.schema import Format
from unified.data.dataset import open_dataset
from unified.data.readers import FORMATS, detect, find_splits
from unified.errors import ConfigError, DataError

YOLO = {"data.yaml": "train: images/train\nnames: [cat]\n", "labels/train/1.txt": "0 0.5 0.5 1 1"}
TABLE = {"train.csv": "file,label\n1.png,cat\n"}


def test_two_formats_of_equal_right_are_ambiguous_unless_one_is_named(tmp_path: Path) -> None:
    fill(tmp_path, "images/train/1.png")
    write(tmp_path, YOLO | TABLE)

    with pytest.raises(DataError, match=r"in more than one format:\n  yolo: splits 'train'(?s:.*)csv: splits 'train'"):
        open_dataset(tmp_path, "train")
    assert "(YOLO)" in open_dataset(tmp_path, "train", format="yolo").summary()
    assert "(CSV)" in open_dataset(tmp_path, "train", format="csv").summary()


def test_coco_is_believed_before_all_others(tmp_path: Path) -> None:
    write(write_coco(tmp_path), YOLO | TABLE)

    assert "(COCO)" in open_dataset(tmp_path, "train").summary()
    assert "(YOLO)" in open_dataset(tmp_path, "train", format="yolo").summary()


def test_labels_are_believed_before_folders(tmp_path: Path) -> None:
    write(fill(tmp_path, "train/cat/1.png"), {"train.csv": "file,label\ntrain/cat/1.png,dog\n"})

    assert open_dataset(tmp_path, "train").taxonomy.categories == ("dog",)


def test_what_was_looked_for_names_every_format(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        open_dataset(tmp_path, "train")

    assert all(f"({format.name})" in str(error.value) for format in FORMATS)


def test_configs_and_the_command_line_know_every_format() -> None:
    names = tuple(format.name for format in FORMATS)
    assert get_args(Format) == get_args(Known) == names


def test_an_unknown_format_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'yolo'"):
        find_splits(tmp_path, "yollo")


def test_an_empty_folder_has_no_splits(tmp_path: Path) -> None:
    assert not detect(tmp_path)[1]
