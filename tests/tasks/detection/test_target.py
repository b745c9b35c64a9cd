"""Labels of a batch as tensors."""

from __future__ import annotations

from collections.abc import Callable

from tasks.detection.target import encode
from unified.data.sample import Sample


def test_objects_of_all_pictures_are_listed_with_their_picture(make_sample: Callable[..., Sample]) -> None:
    one, two = [(1, 2, 30, 40, 2)], [(5, 5, 9, 9, 0), (0, 0, 4, 8, 1)]
    target = encode([make_sample(one), make_sample([]), make_sample(two)])
    assert target["labelled"].tolist() == [True, True, True]
    assert target["image"].tolist() == [0, 2, 2]
    assert target["categories"].tolist() == [2, 0, 1]
    assert target["boxes"].tolist() == [[1, 2, 30, 40], [5, 5, 9, 9], [0, 0, 4, 8]]


def test_unlabelled_is_not_empty(make_sample: Callable[..., Sample]) -> None:
    target = encode([make_sample(None), make_sample([])])
    assert target["labelled"].tolist() == [False, True]
    assert target["boxes"].shape == (0, 4)


def test_crowds_are_regions_and_no_objects(make_sample: Callable[..., Sample]) -> None:
    target = encode([make_sample([(0, 0, 9, 9, 0), (10, 10, 60, 60, 1)], crowd=[False, True])])
    assert target["boxes"].tolist() == [[0, 0, 9, 9]]
    assert target["crowd"].tolist() == [[10, 10, 60, 60]]
    assert target["crowd_image"].tolist() == [0]


def test_boxes_without_area_are_left_out(make_sample: Callable[..., Sample]) -> None:
    target = encode([make_sample([(5, 5, 5, 9, 0), (9, 9, 5, 5, 0), (1, 1, 2, 2, 1)])])
    assert target["boxes"].tolist() == [[1, 1, 2, 2]]
