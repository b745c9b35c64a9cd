"""The individual objects: what makes one red circle another thing than the next red circle."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from unified.data.shapes.vocabulary import CATEGORIES, COLOURS, MARKS, TEXTURES


@dataclass(frozen=True, kw_only=True)
class Identity:
    """All that an object keeps from image to image; pose, scale and light are the scene's."""

    number: int
    """Value of `identity` in the annotations, from 1."""
    category: str
    colour: str
    """The colour that covers most of it."""
    second: str
    """The other colour of its texture; unused by `plain`."""
    texture: str
    period: float
    """Width of one repeat of the texture, in object radii."""
    angle: float
    """Direction of the texture in the object's own frame, radians."""
    phase: float
    """Shift of the texture, in repeats, 0..1."""
    mark: str
    mark_colour: str
    build: float
    """Proportion of the outline, 0..1; see `outlines`."""

    def describe(self) -> dict[str, str | int]:
        """The nameable part, for the annotation file."""
        return {
            "id": self.number,
            "category": self.category,
            "colour": self.colour,
            "second_colour": self.second,
            "texture": self.texture,
            "mark": self.mark,
            "mark_colour": self.mark_colour,
        }


def make_identities(count: int, seed: int) -> tuple[Identity, ...]:
    """`count` identities; the first n of a longer list are the list of n.

    They come in rounds of one a category, and each round deals every colour once, so that colour tells nothing about
    category. Any two of a category differ clearly.
    """
    rng = np.random.default_rng([seed, _STREAM])
    made: list[Identity] = []
    while len(made) < count:
        colours = rng.permutation(list(COLOURS))
        for place, category in enumerate(CATEGORIES):
            others = made[place :: len(CATEGORIES)]
            drawn = _draw(len(made) + 1, category, str(colours[place]), rng)
            while not all(_clearly_differ(drawn, other) for other in others):
                drawn = _draw(len(made) + 1, category, str(colours[place]), rng)
            made.append(drawn)
    return tuple(made[:count])


_STREAM = 0
"""Keeps the identities' random numbers apart from those of the images."""

_MIN_CONTRAST = 0.6
"""Least distance of two colours on one object, in RGB of 0..1."""


def _draw(number: int, category: str, colour: str, rng: np.random.Generator) -> Identity:
    contrasting = [other for other in COLOURS if _contrast(colour, other) >= _MIN_CONTRAST]
    second, mark_colour = (str(name) for name in rng.choice(contrasting, size=2, replace=False))
    return Identity(
        number=number,
        category=category,
        colour=colour,
        second=second,
        texture=str(rng.choice(TEXTURES)),
        period=float(rng.uniform(0.42, 0.60)),
        angle=float(rng.uniform(0, math.pi)),
        phase=float(rng.uniform()),
        mark=str(rng.choice(MARKS)),
        mark_colour=mark_colour,
        build=float(rng.uniform()),
    )


def _contrast(a: str, b: str) -> float:
    return math.dist(COLOURS[a], COLOURS[b]) / 255


def _clearly_differ(a: Identity, b: Identity) -> bool:
    """Whether somebody who has seen `a`, of the same category, would not take `b` for it."""
    same_second = a.second == b.second or a.texture == b.texture == "plain"
    return a.colour != b.colour or a.texture != b.texture or (not same_second and a.mark != b.mark)
