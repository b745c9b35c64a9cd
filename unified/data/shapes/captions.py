"""Five true sentences about a scene, in different patterns.

A pattern is a function of scene and chance that returns a sentence, or None where the scene gives no occasion for it.
Counts are exact: "two blue stars" says that there are two and no third; "a star" says that there is at least one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from unified.data.shapes.phrases import alike, by_category, by_look, counted, listed, name_kind, name_look
from unified.data.shapes.scene import Placed, Scene
from unified.data.shapes.vocabulary import NUMBERS

CAPTIONS = 5
"""Sentences an image."""

_LISTABLE = 4
"""Groups that a sentence can enumerate and still be read."""


def describe(scene: Scene, rng: np.random.Generator) -> list[str]:
    """CAPTIONS different sentences, capitalised, with a full stop."""
    patterns = _OF_OBJECTS if scene.objects else _OF_NOTHING
    sentences: list[str] = []
    while len(sentences) < CAPTIONS:
        for k in rng.permutation(len(patterns)):
            said = patterns[k](scene, rng)
            sentence = said and f"{said[0].upper()}{said[1:]}."
            if sentence and sentence not in sentences:
                sentences.append(sentence)
    return sentences[:CAPTIONS]


def _kinds(scene: Scene, rng: np.random.Generator) -> str | None:
    """Every category with its number."""
    groups = alike(scene.objects, by_category)
    if len(groups) > _LISTABLE:
        return None
    on = rng.choice(("", f" {_on_ground(scene, rng)}"))
    return listed([name_kind(groups[k]) for k in rng.permutation(len(groups))]) + str(on)


def _looks(scene: Scene, rng: np.random.Generator) -> str | None:
    """Objects by colour and category; those left over only counted."""
    groups = alike(scene.objects, by_look)
    order = rng.permutation(len(groups))[: int(rng.integers(1, _LISTABLE))]
    names = [name_look(groups[k], scene, rng) for k in order]
    if left := len(scene.objects) - sum(len(groups[k]) for k in order):
        names.append(f"{NUMBERS[left]} other shape{'s' if left > 1 else ''}")
    opening, on = rng.choice(("", "a picture of ", "there is ")), rng.choice(("", f" {_on_ground(scene, rng)}"))
    if opening == "there is " and not names[0].startswith(("a ", "an ")):
        opening = "there are "
    return f"{opening}{listed(names)}{on}"


def _count(scene: Scene, rng: np.random.Generator) -> str | None:
    """How many objects, and how many of them of one category."""
    total = len(scene.objects)
    groups = alike(scene.objects, by_category)
    if total == 1 or len(groups) == 1:
        return None
    group = groups[int(rng.integers(len(groups)))]
    return str(
        rng.choice(
            (
                f"{NUMBERS[total]} shapes {_on_ground(scene, rng)}",
                f"{NUMBERS[total]} shapes, among them {name_kind(group)}",
                f"the picture shows {NUMBERS[total]} shapes of {NUMBERS[len(groups)]} kinds",
            )
        )
    )


_CLEAR = 0.15
"""Least distance of two centres along an axis, as a share of that side, to call one left of or above the other."""
_ALIGNED = 1.5
"""That distance is at least this many times the one along the other axis, in pixels."""


def _relation(scene: Scene, rng: np.random.Generator) -> str | None:
    """One group beside another: every member of the one lies on that side of every member of the other."""
    groups = alike(scene.objects, by_look)
    pairs = [(a, b) for a in groups for b in groups if a is not b]
    for k in rng.permutation(len(pairs)):
        a, b = pairs[k]
        sides = {_side(p, q, scene) for p in a for q in b}
        if len(sides) == 1 and (side := sides.pop()):
            verb = rng.choice(("", "is " if len(a) == 1 else "are "))
            one, other = name_look(a, scene, rng), name_look(b, scene, rng)
            if rng.random() < 0.3:
                return f"{side} {other} there {'is' if len(a) == 1 else 'are'} {one}"
            return f"{one} {verb}{side} {other}"
    return None


def _side(a: Placed, b: Placed, scene: Scene) -> str | None:
    """Where `a` lies as seen from `b`, by the centres of their boxes; None where it is not clear."""
    (ax, ay), (bx, by) = _centre(a), _centre(b)
    dx, dy = ax - bx, ay - by
    if abs(dx) >= _CLEAR * scene.width and abs(dx) >= _ALIGNED * abs(dy):
        return "to the left of" if dx < 0 else "to the right of"
    if abs(dy) >= _CLEAR * scene.height and abs(dy) >= _ALIGNED * abs(dx):
        return "above" if dy < 0 else "below"
    return None


def _centre(placed: Placed) -> tuple[float, float]:
    left, top, right, bottom = placed.box
    return (left + right) / 2, (top + bottom) / 2


_PLACES = (
    ("in the upper left", "at the top", "in the upper right"),
    ("on the left", "in the middle", "on the right"),
    ("in the lower left", "at the bottom", "in the lower right"),
)
_BANDS = ((0.0, 0.30), (0.37, 0.63), (0.70, 1.0))
"""Shares of the width and height that count as the first, the middle and the last third; between them is neither."""


def _location(scene: Scene, rng: np.random.Generator) -> str | None:
    """Where in the picture an object lies."""
    for k in rng.permutation(len(scene.objects)):
        placed = scene.objects[k]
        x, y = _centre(placed)
        column, row = _band(x / scene.width), _band(y / scene.height)
        if column is not None and row is not None:
            return f"{_single(placed, scene, rng)} {_PLACES[row][column]} of the picture"
    return None


def _band(share: float) -> int | None:
    return next((k for k, (low, high) in enumerate(_BANDS) if low <= share <= high), None)


def _occlusion(scene: Scene, rng: np.random.Generator) -> str | None:
    """One object in front of another."""
    pairs = [(placed, scene.objects[front]) for placed in scene.objects for front in placed.hidden_by]
    if not pairs:
        return None
    hidden, front = (_single(placed, scene, rng) for placed in pairs[int(rng.integers(len(pairs)))])
    return str(rng.choice((f"{hidden} partly hidden by {front}", f"{front} in front of {hidden}")))


_STANDS_OUT = 1.25
"""Least ratio of extents to call one object the largest or the smallest."""


def _extreme(scene: Scene, rng: np.random.Generator) -> str | None:
    """The largest or the smallest object, as far as seen."""
    ordered = sorted(scene.objects, key=_extent)
    if len(ordered) < 3:
        return None
    ends = {"smallest": (ordered[0], ordered[1]), "largest": (ordered[-1], ordered[-2])}
    for word in rng.permutation(list(ends)):
        placed, next_one = ends[word]
        less, more = sorted((_extent(placed), _extent(next_one)))
        if more >= _STANDS_OUT * less:
            return f"the {word} shape is {name_look([placed], scene, rng)}"
    return None


def _extent(placed: Placed) -> int:
    left, top, right, bottom = placed.box
    return max(right - left, bottom - top)


def _single(placed: Placed, scene: Scene, rng: np.random.Generator) -> str:
    if rng.random() < 0.25:
        return name_kind([placed])
    return name_look([placed], scene, rng)


def _on_ground(scene: Scene, rng: np.random.Generator) -> str:
    return f"on {_ground(scene, rng)}"


def _ground(scene: Scene, rng: np.random.Generator) -> str:
    kind = rng.choice((f"{scene.ground} ", ""))
    return counted(1, f"{kind}{scene.tone} background")


def _nothing(scene: Scene, rng: np.random.Generator) -> str:
    """There is no object; the clutter, if any, is not one."""
    ground = _ground(scene, rng)
    plain = ground.partition(" ")[2]
    sentences = [f"an empty {plain}", f"{ground} without any shapes", f"there are no shapes {_on_ground(scene, rng)}"]
    if scene.clutter == "none":
        sentences.append(f"nothing but {ground}")
    else:
        sentences += [f"{ground} with some {scene.clutter} but no shapes", f"only {scene.clutter} on {ground}"]
    return str(rng.choice(sentences))


_OF_OBJECTS: tuple[Callable[[Scene, np.random.Generator], str | None], ...] = (
    _kinds,
    _looks,
    _looks,
    _count,
    _relation,
    _relation,
    _location,
    _occlusion,
    _extreme,
)
_OF_NOTHING: tuple[Callable[[Scene, np.random.Generator], str | None], ...] = (_nothing,)
