from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.tiny import white_boxes, write_coco
from unified.data.augment import Augment
from unified.data.browse import browse, draw_labels
from unified.data.dataset import Dataset, open_dataset


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return white_boxes(tmp_path, 5)


def test_a_sheet_shows_the_pictures_asked_for(dataset: Dataset) -> None:
    one, four = browse(dataset, [3], cell=100), browse(dataset, [0, 1, 2, 3], cell=100)

    assert four.width > 1.8 * one.width and four.height > 1.8 * one.height


def test_labels_are_drawn_on_a_copy(dataset: Dataset) -> None:
    record = dataset.record(0)
    picture = dataset.picture(0)
    drawn = draw_labels(picture, record.labels, dataset.taxonomy)

    assert np.array_equal(np.asarray(picture), np.asarray(dataset.picture(0)))
    colours = {colour for _, colour in drawn.getcolors(1 << 20) or ()}
    assert any(isinstance(colour, tuple) and max(colour) - min(colour) > 100 for colour in colours)


def test_a_sheet_can_show_what_training_sees_and_repeats(dataset: Dataset) -> None:
    sheets = [browse(dataset, range(4), pipeline=Augment(64), seed=seed, cell=100) for seed in (0, 0, 1)]

    assert np.array_equal(np.asarray(sheets[0]), np.asarray(sheets[1]))
    assert not np.array_equal(np.asarray(sheets[0]), np.asarray(sheets[2]))


def test_crowds_and_pictures_without_objects_can_be_shown(tmp_path: Path) -> None:
    sheet = browse(open_dataset(write_coco(tmp_path), "train"), range(3))

    assert isinstance(sheet, Image.Image)
