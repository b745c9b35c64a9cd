from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from unified.data.shapes.identity import make_identities
from unified.data.shapes.layout import MIN_VISIBLE, compose
from unified.data.shapes.outlines import inside
from unified.data.shapes.scene import Placed, Scene


def scenes(count: int, width: int = 96, height: int = 80) -> list[Scene]:
    identities = make_identities(40, seed=1)
    made = []
    for k in range(count):
        rng = np.random.default_rng([7, k])
        shown = [identities[int(n)] for n in rng.integers(len(identities), size=k % 9)]
        made.append(compose(shown, width, height, rng))
    return made


def body(placed: Placed, width: int, height: int) -> NDArray[np.bool_]:
    """Pixels at least half covered, by nine points each, straight from the definition and over the whole image."""
    pose = placed.pose
    third = (np.arange(3 * max(width, height)) + 0.5) / 3
    dx, dy = (third[: 3 * width] - pose.x)[None, :], (third[: 3 * height] - pose.y)[:, None]
    x = (math.cos(pose.angle) * dx + math.sin(pose.angle) * dy) / (pose.radius * pose.aspect)
    y = (math.cos(pose.angle) * dy - math.sin(pose.angle) * dx) / pose.radius
    points = inside(placed.identity.category, x.astype(np.float32), y.astype(np.float32), placed.identity.build)
    covered = points.reshape(height, 3, width, 3).sum(axis=(1, 3))
    left, top, right, bottom = pose.window
    rows, columns = np.mgrid[:height, :width]
    mask: NDArray[np.bool_] = (covered >= 4.5) & (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
    return mask


def visible_masks(scene: Scene) -> list[NDArray[np.bool_]]:
    bodies = [body(placed, scene.width, scene.height) for placed in scene.objects]
    return [mask & ~np.any([np.zeros_like(mask), *bodies[k + 1 :]], axis=0) for k, mask in enumerate(bodies)]


def test_boxes_and_areas_are_those_of_the_visible_pixels() -> None:
    for scene in scenes(40):
        for placed, mask in zip(scene.objects, visible_masks(scene), strict=True):
            rows, columns = np.nonzero(mask)
            assert placed.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert placed.area == mask.sum()


def test_every_object_is_seen_well_enough_and_some_are_partly_hidden() -> None:
    visible = [placed.visible for scene in scenes(60) for placed in scene.objects]
    assert min(visible) >= MIN_VISIBLE
    assert max(visible) == 1.0
    assert 0.1 <= np.mean(np.less(visible, 0.95)) <= 0.6


def test_what_hides_an_object_lies_in_front_of_it_and_covers_it() -> None:
    seen = 0
    for scene in scenes(60):
        for place, placed in enumerate(scene.objects):
            whole = body(placed, scene.width, scene.height)
            for front in placed.hidden_by:
                assert front > place
                assert (whole & body(scene.objects[front], scene.width, scene.height)).any()
                seen += 1
    assert seen > 5


def test_nearly_every_object_finds_its_place() -> None:
    made = scenes(90)
    assert sum(len(scene.objects) for scene in made) >= sum(k % 9 for k in range(90)) - 1


@pytest.mark.parametrize("size", [(32, 32), (32, 200), (300, 64)])
def test_any_size_of_image_holds_the_boxes(size: tuple[int, int]) -> None:
    for scene in scenes(20, *size):
        for placed in scene.objects:
            left, top, right, bottom = placed.box
            assert 0 <= left < right <= scene.width
            assert 0 <= top < bottom <= scene.height
