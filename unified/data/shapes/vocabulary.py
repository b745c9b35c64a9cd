"""What can occur in a scene, and the words for it."""

from __future__ import annotations

CATEGORY_IDS = {
    "circle": 1,
    "square": 2,
    "triangle": 3,
    "star": 5,
    "ring": 8,
    "cross": 9,
    "heart": 13,
    "crescent": 14,
    "hexagon": 21,
    "arrow": 34,
}
"""Category name → id in the annotations; with gaps, as in COCO, so that no reader can take an id for an index."""

CATEGORIES = tuple(CATEGORY_IDS)

COLOURS = {
    "red": (212, 36, 38),
    "orange": (244, 130, 30),
    "yellow": (248, 216, 44),
    "green": (42, 158, 62),
    "cyan": (64, 204, 216),
    "blue": (38, 78, 208),
    "purple": (128, 54, 178),
    "pink": (246, 146, 194),
    "white": (246, 246, 244),
    "black": (26, 26, 30),
}
"""Colours of objects, sRGB 0..255."""

TEXTURES = ("plain", "striped", "checkered", "dotted", "mottled", "shaded")
MARKS = ("none", "dot", "bar", "pair", "chevron", "saltire")
"""Emblems inside an object; `pair` is two dots, `saltire` an x."""

TONES = {
    "grey": (132, 132, 134),
    "beige": (200, 182, 150),
    "brown": (116, 86, 64),
    "green": (104, 128, 92),
    "blue": (104, 128, 160),
    "mauve": (150, 116, 140),
    "dark": (76, 76, 84),
    "light": (214, 214, 212),
}
"""Colours of backgrounds, sRGB 0..255: duller than any object's, so that both can be named from the pixels."""

GROUNDS = ("smooth", "cloudy", "blotchy", "lined", "grainy")
CLUTTER = ("none", "scribbles", "specks")

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")
MAX_OBJECTS = len(NUMBERS) - 1


def plural(noun: str) -> str:
    """English plural of a category name."""
    return noun + ("es" if noun.endswith("s") else "s")
