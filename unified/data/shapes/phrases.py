"""Noun phrases, each true and to be seen in the picture: "two blue stars", "a large red circle with white stripes"."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np

from unified.data.shapes.scene import Placed, Scene
from unified.data.shapes.vocabulary import NUMBERS, plural

_LEGIBLE = 0.16
"""Least diameter, as a share of the side, at which a texture is spoken of; a mark needs half as much again."""
_SMALL, _LARGE = 0.15, 0.32
"""Diameters, as shares of the side, below and above which an object is called small or large."""
_MOSTLY_VISIBLE = 0.75
"""Size, texture and mark are spoken of only where this much of the object is seen."""

_TEXTURED = {
    "striped": "{colour} {noun} with {second} stripes",
    "dotted": "{colour} {noun} with {second} dots",
    "mottled": "{colour} {noun} with {second} blots",
    "shaded": "{colour} {noun} fading to {second}",
}
_MARKED = {
    "dot": (1, "dot"),
    "bar": (1, "bar"),
    "pair": (2, "dot"),
    "chevron": (1, "chevron"),
    "saltire": (1, "x"),
}


def colour_words(placed: Placed) -> str:
    """The colour an object is called by; both where neither covers more of it."""
    identity = placed.identity
    return f"{identity.colour} and {identity.second}" if identity.texture == "checkered" else identity.colour


def alike(objects: Sequence[Placed], key: Callable[[Placed], Hashable]) -> list[list[Placed]]:
    """Groups of equal `key`, in order of appearance."""
    groups: dict[Hashable, list[Placed]] = {}
    for placed in objects:
        groups.setdefault(key(placed), []).append(placed)
    return list(groups.values())


def by_category(placed: Placed) -> str:
    return placed.identity.category


def by_look(placed: Placed) -> tuple[str, str]:
    return placed.identity.category, colour_words(placed)


def counted(number: int, noun: str) -> str:
    """ "a star", "an arrow", "two stars"."""
    if number == 1:
        return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
    return f"{NUMBERS[number]} {plural(noun)}"


def name_kind(group: Sequence[Placed]) -> str:
    """A group of one category, by the category alone."""
    return counted(len(group), group[0].identity.category)


def name_look(group: Sequence[Placed], scene: Scene, rng: np.random.Generator) -> str:
    """A group of one category and colour, with as much detail as chance and the picture allow."""
    first = group[0].identity
    colour, category = colour_words(group[0]), first.category
    wordings = [f"{colour} {category}"]
    same = all((p.identity.texture, p.identity.second) == (first.texture, first.second) for p in group)
    if same and first.texture != "plain" and all(_legible(p, scene, 1.0) for p in group):
        wordings.append(f"{colour} {first.texture} {category}")
        if len(group) == 1 and first.texture in _TEXTURED:
            wordings.append(_TEXTURED[first.texture].format(colour=colour, noun=category, second=first.second))
    if len(group) == 1 and first.mark != "none" and _legible(group[0], scene, 1.5):
        number, mark = _MARKED[first.mark]
        wordings.append(f"{colour} {category} marked with {counted(number, f'{first.mark_colour} {mark}')}")
    size = _size_word(group[0], scene) if len(group) == 1 and rng.random() < 0.5 else ""
    return counted(len(group), size + str(rng.choice(wordings)))


def listed(parts: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join((", ".join(parts[:-1]), parts[-1])) if len(parts) > 1 else parts[0]


def diameter(placed: Placed, scene: Scene) -> float:
    """Of the whole object, as a share of the side."""
    return 2 * placed.pose.radius / scene.side


def _legible(placed: Placed, scene: Scene, factor: float) -> bool:
    return diameter(placed, scene) >= _LEGIBLE * factor and placed.visible >= _MOSTLY_VISIBLE


def _size_word(placed: Placed, scene: Scene) -> str:
    if placed.visible < _MOSTLY_VISIBLE or _SMALL <= diameter(placed, scene) <= _LARGE:
        return ""
    return "small " if diameter(placed, scene) < _SMALL else "large "
