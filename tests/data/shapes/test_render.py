from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from unified.data.shapes.identity import make_identities
from unified.data.shapes.layout import compose
from unified.data.shapes.render import render
from unified.data.shapes.scene import Scene
from unified.data.shapes.vocabulary import COLOURS


def scene(width: int, height: int, seed: int, objects: int = 4) -> Scene:
    identities = make_identities(30, seed=5)
    plain = [replace(identities[(seed + 7 * k) % 30], texture="plain", mark="none") for k in range(objects)]
    return compose(plain, width, height, np.random.default_rng(seed))


def test_a_picture_has_the_size_of_its_scene_and_eight_bits() -> None:
    picture = render(scene(90, 64, 0), np.random.default_rng(0))
    assert picture.shape == (64, 90, 3)
    assert picture.dtype == np.uint8


def test_a_scene_without_objects_is_drawn_too() -> None:
    assert render(scene(64, 64, 1, objects=0), np.random.default_rng(1)).std() > 0


def test_the_same_scene_and_chance_give_the_same_pixels() -> None:
    pictures = [render(scene(64, 64, 2), np.random.default_rng(2)) for _ in range(2)]
    assert (pictures[0] == pictures[1]).all()


def test_chance_changes_light_and_background_of_the_same_scene() -> None:
    shown = scene(64, 64, 3)
    pictures = [render(shown, np.random.default_rng(seed)).astype(int) for seed in range(2)]
    assert np.abs(pictures[0] - pictures[1]).mean() > 5


def test_an_object_has_the_colour_it_is_called_by() -> None:
    """The median of the pixels around the middle of convex, fully visible objects is nearest to the named colour."""
    right = []
    for seed in range(120):
        shown = scene(96, 96, seed, objects=3)
        picture = render(shown, np.random.default_rng(seed))
        for placed in shown.objects:
            if placed.visible == 1.0 and placed.identity.category in ("circle", "square", "hexagon", "heart"):
                x, y = int(placed.pose.x), int(placed.pose.y)
                colour = np.median(picture[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3), axis=0)
                nearest = min(COLOURS, key=lambda name: math.dist(COLOURS[name], colour))
                right.append(nearest == placed.identity.colour)
    assert len(right) > 50
    assert np.mean(right) > 0.9
