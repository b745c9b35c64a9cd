from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.data.tiny import WHITE_BOX, white_boxes
from unified.data.augment import Augment
from unified.data.dataset import Dataset
from unified.data.pipeline import Draw, View
from unified.data.shelf import Shelf
from unified.ops.frame import Frame

PLAIN: dict[str, Any] = {"mosaic": 0, "fliplr": 0, "hsv_h": 0, "hsv_s": 0, "hsv_v": 0}
STILL: dict[str, Any] = PLAIN | {"translate": 0, "scale": 0}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return white_boxes(tmp_path_factory.mktemp("white"), 8)


def views(dataset: Dataset, augment: Augment, count: int = 40) -> list[View]:
    shelf = Shelf(dataset, augment.longest, capacity=8)
    partners = tuple(range(1, 1 + augment.partners))
    return [augment(shelf, Draw(0, partners, (i,))) for i in range(count)]


def assert_boxes_are_tight(view: View) -> None:
    """Every white pixel lies in a box, and every box that is not cut reaches to white pixels on all four sides."""
    white = np.asarray(view.picture)[..., 0] > 200
    covered = np.zeros_like(white)
    for x1, y1, x2, y2 in view.rows.boxes:
        covered[max(int(y1) - 1, 0) : int(y2) + 2, max(int(x1) - 1, 0) : int(x2) + 2] = True
        inside = white[round(y1) : round(y2), round(x1) : round(x2)]
        if inside.size > 64:
            assert all(edge.mean() > 0.3 for edge in (inside[:3], inside[-3:], inside[:, :3], inside[:, -3:]))
    # What is left over are objects of which less than a tenth is seen.
    assert (white & ~covered).sum() < 0.04 * white.size


@pytest.mark.parametrize("flips", [{}, {"fliplr": 0.5, "flipud": 0.5}])
def test_boxes_follow_a_single_picture(flips: dict[str, float], dataset: Dataset) -> None:
    for view in views(dataset, Augment(96, **PLAIN | flips)):
        assert_boxes_are_tight(view)


def test_boxes_follow_a_mosaic(dataset: Dataset) -> None:
    augment = Augment(96, **PLAIN | {"mosaic": 1, "fliplr": 0.5, "flipud": 0.5})
    found = views(dataset, augment)

    for view in found:
        assert_boxes_are_tight(view)
    assert max(len(view.rows) for view in found) == 4


def test_the_frame_of_a_single_picture_maps_its_boxes(dataset: Dataset) -> None:
    augment = Augment(96, **PLAIN | {"fliplr": 0.5, "flipud": 0.5, "scale": 0.1, "degrees": 0})
    for view in views(dataset, augment):
        assert view.frame is not None
        mapped = view.frame.to_input(torch.tensor([WHITE_BOX], dtype=torch.float64)).clamp(0, 96)
        assert np.allclose(mapped, view.rows.boxes)


def test_a_mosaic_belongs_to_its_canvas(dataset: Dataset) -> None:
    (view,) = views(dataset, Augment(96, **STILL | {"mosaic": 1}), 1)
    sample = view.sample(dataset.record(0))

    assert sample.frame == Frame.identity((96, 96))
    assert sample.record.image_id == 0
    assert sample.labels.captions is None


def test_identities_stay_with_their_objects_in_a_mosaic(dataset: Dataset) -> None:
    for view in views(dataset, Augment(96, **STILL | {"mosaic": 1, "translate": 0.1})):
        assert set(view.rows.identities) <= {0, 1, 2, 3}
        assert len(set(view.rows.identities)) == len(view.rows)
        assert (view.rows.area == 40 * 20).all()


def test_without_any_change_a_picture_is_letterboxed(dataset: Dataset) -> None:
    (view,) = views(dataset, Augment(80, **STILL), 1)

    assert view.frame == Frame.letterbox((80, 60), (80, 80))
    assert view.rows.boxes.tolist() == [[10, 30, 50, 50]]
    assert view.captions == ("White on the left.",)


def test_a_flip_mirrors_captions_only_from_left_to_right(dataset: Dataset) -> None:
    (level,) = views(dataset, Augment(80, **STILL | {"fliplr": 1}), 1)
    (upside,) = views(dataset, Augment(80, **STILL | {"flipud": 1}), 1)

    assert level.captions == ("White on the right.",)
    assert level.rows.boxes.tolist() == [[30, 30, 70, 50]]
    assert upside.captions == ("White on the left.",)
    assert upside.rows.boxes.tolist() == [[10, 30, 50, 50]]


def test_mixup_shows_the_objects_of_two_mosaics(dataset: Dataset) -> None:
    augment = Augment(96, **STILL | {"mosaic": 1, "mixup": 1})
    assert augment.partners == 7

    found = views(dataset, augment)

    assert max(view.rows.identities.max() for view in found) > 3
    levels = [np.unique(np.asarray(view.picture)) for view in found]
    assert any(((level > 0) & (level < 114)).any() for level in levels)


def test_a_draw_without_partners_is_never_a_mosaic(dataset: Dataset) -> None:
    augment = Augment(96, **STILL | {"mosaic": 1, "mixup": 1})

    assert augment(Shelf(dataset), Draw(3)).frame is not None


def test_the_same_draw_gives_the_same_view_whatever_came_before(dataset: Dataset) -> None:
    augment = Augment(96, mosaic=0.5, mixup=0.3, degrees=10)
    warm = Shelf(dataset, augment.longest, capacity=8)
    draws = [Draw(i % 8, (1, 2, 3, 4, 5, 6, 7), (i,)) for i in range(12)]
    first = [augment(warm, draw) for draw in draws]

    for draw, view in zip(reversed(draws), reversed(first), strict=True):
        again = augment(Shelf(dataset, augment.longest), draw)
        assert np.array_equal(np.asarray(again.picture), np.asarray(view.picture))
        assert np.array_equal(again.rows.boxes, view.rows.boxes)


def test_a_picture_on_the_shelf_smaller_than_the_file_keeps_its_boxes(tmp_path: Path) -> None:
    large = white_boxes(tmp_path, 1, (400, 300))

    for view in views(large, Augment(100, **PLAIN), 20):
        assert_boxes_are_tight(view)


def test_an_empty_mosaic_has_no_objects(tmp_path: Path) -> None:
    dataset = white_boxes(tmp_path, 4)
    augment = Augment(96, **PLAIN | {"mosaic": 1})
    nothing = dataset.annotations.rows[:0]
    for tile in range(4):
        assert len(dataset.annotations.objects_of(tile)) == 1
    object.__setattr__(dataset.annotations, "rows", nothing)
    object.__setattr__(dataset.annotations, "offsets", np.zeros(5, dtype=int))

    sample = augment(Shelf(dataset), Draw(0, (1, 2, 3))).sample(dataset.record(0))

    assert sample.labels.objects is not None and len(sample.labels.objects) == 0
