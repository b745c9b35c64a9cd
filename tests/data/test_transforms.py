from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unified.data.annotations import Rows
from unified.data.transforms import (
    flip_boxes,
    jitter_colour,
    map_boxes,
    mirror_caption,
    place,
    random_affine,
)

STILL = {"degrees": 0.0, "translate": 0.0, "scale": 0.0, "shear": 0.0}


def rows(*boxes: tuple[float, float, float, float], crowds: Sequence[int] = ()) -> Rows:
    n = len(boxes)
    crowd = np.isin(np.arange(n), crowds)
    return Rows(np.array(boxes, dtype=float).reshape(n, 4), np.arange(n), np.arange(n) + 50, crowd, np.ones(n))


def test_an_affine_map_without_gains_brings_the_centre_to_the_middle() -> None:
    matrix = random_affine(np.random.default_rng(0), 100, (130.0, 70.0), **STILL)

    assert np.allclose(matrix, [[1, 0, -80], [0, 1, -20], [0, 0, 1]])


@given(st.integers(0, 10**6))
def test_an_affine_map_stays_within_its_gains(seed: int) -> None:
    matrix = random_affine(
        np.random.default_rng(seed), 100, (100.0, 100.0), degrees=10, translate=0.1, scale=0.5, shear=0
    )

    factor = np.sqrt(np.linalg.det(matrix[:2, :2]))
    assert 0.5 <= factor <= 1.5
    assert abs(np.degrees(np.arctan2(matrix[0, 1], matrix[0, 0]))) <= 10
    assert (np.abs(matrix[:2] @ [100, 100, 1] - 50) <= 10 + 1e-9).all()


def test_mapped_boxes_enclose_their_mapped_corners() -> None:
    turn = np.array([[0, -1, 100], [1, 0, 0], [0, 0, 1.0]])

    assert map_boxes(np.array([[10.0, 20, 30, 60]]), turn).tolist() == [[40, 10, 80, 30]]


def test_the_upright_way_equals_the_general_one() -> None:
    corners = np.random.default_rng(0).uniform(0, 100, (20, 2, 2))
    boxes = np.sort(corners, axis=1).reshape(20, 4)
    upright = np.array([[1.5, 0, -3], [0, 0.7, 9], [0, 0, 1]])
    hair = upright + np.array([[0, 1e-13, 0], [0, 0, 0], [0, 0, 0]])

    assert np.allclose(map_boxes(boxes, upright), map_boxes(boxes, hair))


def test_boxes_hardly_seen_are_left_out_and_the_others_stay_aligned() -> None:
    objects = rows(
        (10, 10, 50, 50),  # whole
        (-95, 10, 9, 50),  # cut to less than a tenth
        (10, 10, 11.9, 50),  # narrower than 2 pixels
        (10, 10, 14, 96),  # longer than 20 times its width
        (80, 80, 120, 120),  # a quarter left
    )

    kept = place(objects, np.eye(3), (-200.0, -200.0, 200.0, 200.0), 100)

    assert kept.categories.tolist() == [0, 4]
    assert kept.identities.tolist() == [50, 54]
    assert kept.boxes.tolist() == [[10, 10, 50, 50], [80, 80, 100, 100]]


def test_of_a_crowd_region_every_part_counts() -> None:
    cut = (-95, 10, 9, 50)
    for crowds, kept in (((), []), ((0,), [[0, 10, 9, 50]])):
        assert place(rows(cut, crowds=crowds), np.eye(3), (-200.0, -200.0, 200.0, 200.0), 100).boxes.tolist() == kept
    outside = rows((-95, 10, -1, 50), crowds=(0,))
    assert not len(place(outside, np.eye(3), (-200.0, -200.0, 200.0, 200.0), 100))


def test_a_box_is_cut_to_the_visible_part_of_its_picture() -> None:
    kept = place(rows((10, 10, 50, 50)), np.diag([2.0, 2.0, 1.0]), (20.0, 0.0, 100.0, 30.0), 200)

    assert kept.boxes.tolist() == [[40, 20, 100, 60]]


def test_no_objects_stay_no_objects() -> None:
    assert len(place(rows(), np.eye(3), (0.0, 0.0, 9.0, 9.0), 9)) == 0


@given(st.booleans())
def test_two_flips_change_nothing(horizontal: bool) -> None:
    boxes = np.random.default_rng(0).uniform(0, 64, (5, 4))

    once = flip_boxes(boxes, 64, horizontal=horizontal)

    assert np.allclose(flip_boxes(once, 64, horizontal=horizontal), boxes)
    assert not np.allclose(once, boxes)


@pytest.mark.parametrize(
    ("caption", "mirrored"),
    [
        ("A dog left of a cat.", "A dog right of a cat."),
        ("Left, then RIGHT; right!", "Right, then LEFT; left!"),
        ("the upright, leftover, bright one", "the upright, leftover, bright one"),
    ],
)
def test_left_and_right_change_places_in_captions(caption: str, mirrored: str) -> None:
    assert mirror_caption(caption) == mirrored
    assert mirror_caption(mirrored) == caption


def jittered(colour: tuple[int, int, int], **gains: float) -> list[tuple[int, ...]]:
    picture = torch.tensor([[colour]], dtype=torch.uint8)
    base = {"hue": 0.0, "saturation": 0.0, "value": 0.0}
    drawn = [jitter_colour(picture, np.random.default_rng(i), **base | gains) for i in range(50)]
    return [tuple(pixels[0, 0].tolist()) for pixels in drawn]


def test_without_gains_colours_stay() -> None:
    assert set(jittered((200, 100, 50))) == {(200, 100, 50)}


def test_grey_keeps_its_hue_under_any_turn_and_saturation() -> None:
    for red, green, blue in jittered((100, 100, 100), hue=0.5, saturation=0.9):
        assert max(abs(red - 100), abs(green - 100), abs(blue - 100)) <= 1


def test_value_scales_all_channels_alike() -> None:
    levels = [red for red, green, blue in jittered((100, 50, 20), value=0.4) if abs(red - 2 * green) <= 2]

    assert len(levels) == 50
    assert min(levels) < 70 and max(levels) > 130 and min(levels) >= 60 and max(levels) <= 140


def test_hue_turns_within_its_gain() -> None:
    hue = colorsys.rgb_to_hsv(0.6, 0.5, 0.45)[0]
    turns = [colorsys.rgb_to_hsv(*(c / 255 for c in pixel))[0] - hue for pixel in jittered((153, 128, 115), hue=0.05)]

    assert min(turns) < -0.02 and max(turns) > 0.02
    assert max(map(abs, turns)) < 0.07


def test_saturation_draws_colours_towards_grey_and_away() -> None:
    spreads = [max(pixel) - min(pixel) for pixel in jittered((120, 100, 80), saturation=0.7)]

    assert min(spreads) < 20 and max(spreads) > 60
