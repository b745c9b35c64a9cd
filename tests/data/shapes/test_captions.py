"""Captions are read back with a grammar of the test's own and held against the scene."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest

from unified.data.shapes.captions import CAPTIONS, describe
from unified.data.shapes.layout import compose
from unified.data.shapes.plan import make_plan
from unified.data.shapes.scene import Placed, Scene
from unified.data.shapes.vocabulary import CATEGORIES, COLOURS, GROUNDS, NUMBERS, TEXTURES, TONES

COLOUR, NUMBER = "|".join(COLOURS), "|".join(NUMBERS[1:])
NOUN = (
    rf"\b(?P<number>an?|{NUMBER})(?: (?P<size>small|large))?(?: (?P<colour>{COLOUR})(?: and (?P<second>{COLOUR}))?)?"
    rf"(?: (?P<texture>{'|'.join(TEXTURES)}))? (?P<category>{'|'.join(CATEGORIES)})(?:s|es)?\b"
    rf"(?: with (?P<of>{COLOUR}) (?P<pattern>stripes|dots|blots)| fading to (?P<end>{COLOUR})"
    rf"| marked with (?:an?|two) (?P<ink>{COLOUR}) (?P<mark>dots|dot|bar|chevron|x))?"
)
ANONYMOUS_NOUN = re.sub(r"\?P<\w+>", "?:", NOUN)
PATTERNS = {"stripes": "striped", "dots": "dotted", "blots": "mottled"}
MARKS = {"dots": "pair", "dot": "dot", "bar": "bar", "chevron": "chevron", "x": "saltire"}
SIDES = "to the left of|to the right of|above|below"

Told = tuple[Scene, str]


@pytest.fixture(scope="module")
def told() -> list[Told]:
    """Scenes, each with its captions in lower case and without the full stop."""
    pairs = []
    for k, identities in enumerate(make_plan(250, 1, seed=11).train):
        rng = np.random.default_rng([11, k])
        scene = compose(identities, 128, 96 + k % 64, rng)
        pairs += [(scene, sentence[:-1].lower()) for sentence in describe(scene, rng)]
    return pairs


def fits(noun: re.Match[str], placed: Placed) -> bool:
    """Whether the phrase, apart from its number, is true of the object."""
    identity, said = placed.identity, noun.groupdict()
    checkered = identity.texture == "checkered"
    return (
        said["category"] == identity.category
        and said["colour"] in (None, identity.colour)
        and (said["colour"] is None or said["second"] == (identity.second if checkered else None))
        and said["texture"] in (None, identity.texture)
        and (said["pattern"] is None or (PATTERNS[said["pattern"]], said["of"]) == (identity.texture, identity.second))
        and (said["end"] is None or ("shaded", said["end"]) == (identity.texture, identity.second))
        and (said["mark"] is None or (MARKS[said["mark"]], said["ink"]) == (identity.mark, identity.mark_colour))
        and (said["size"] != "small" or extent(placed) <= 0.16 * 160)
        and (said["size"] != "large" or extent(placed) >= 0.20 * 96)
    )


def meant(phrase: str, scene: Scene) -> list[Placed]:
    noun = re.fullmatch(NOUN, phrase)
    assert noun, phrase
    return [placed for placed in scene.objects if fits(noun, placed)]


def extent(placed: Placed) -> int:
    left, top, right, bottom = placed.box
    return max(right - left, bottom - top)


def centre(placed: Placed) -> tuple[float, float]:
    left, top, right, bottom = placed.box
    return (left + right) / 2, (top + bottom) / 2


def lies(one: Placed, side: str, other: Placed) -> bool:
    (x, y), (u, v) = centre(one), centre(other)
    return {"to the left of": x < u, "to the right of": x > u, "above": y < v, "below": y > v}[side]


def found(told: list[Told], pattern: str) -> Iterator[tuple[Scene, re.Match[str]]]:
    """The captions of which some part matches, at least a handful; `_` stands for a noun phrase."""
    count = 0
    for scene, sentence in told:
        if match := re.search(pattern.replace("_", f"({ANONYMOUS_NOUN})"), sentence):
            count += 1
            yield scene, match
    assert count >= 5, pattern


def test_an_image_has_five_different_sentences(told: list[Told]) -> None:
    for start in range(0, len(told), CAPTIONS):
        assert len(set(told[start : start + CAPTIONS])) == CAPTIONS == 5


def test_sentences_start_with_a_capital_and_end_with_a_full_stop() -> None:
    rng = np.random.default_rng(0)
    for sentence in describe(compose(make_plan(1, 1, seed=0).train[0], 64, 64, rng), rng):
        assert re.fullmatch(r"[A-Z][a-z ,]+\.", sentence)


def test_articles_fit_the_word_after_them(told: list[Told]) -> None:
    for _, sentence in told:
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", sentence), sentence


def test_every_object_that_is_named_is_there_in_the_number_told(told: list[Told]) -> None:
    for scene, sentence in told:
        for noun in re.finditer(NOUN, sentence):
            there = sum(fits(noun, placed) for placed in scene.objects)
            if noun["number"] in ("a", "an"):
                assert there >= 1, sentence
            else:
                assert there == NUMBERS.index(noun["number"]), sentence


def test_totals_are_right(told: list[Told]) -> None:
    for scene, match in found(told, rf"^({NUMBER}) shapes\b"):
        assert NUMBERS.index(match[1]) == len(scene.objects)
    for scene, match in found(told, rf"shows ({NUMBER}) shapes of ({NUMBER}) kinds"):
        assert NUMBERS.index(match[1]) == len(scene.objects)
        assert NUMBERS.index(match[2]) == len({placed.identity.category for placed in scene.objects})
    for scene, match in found(told, rf"({NUMBER}) other shapes?"):
        named = [noun["number"] for noun in re.finditer(NOUN, match.string[: match.start()])]
        assert sum(1 if n in ("a", "an") else NUMBERS.index(n) for n in named) == len(scene.objects) - NUMBERS.index(
            match[1]
        )


def test_an_object_lies_on_the_side_told(told: list[Told]) -> None:
    for scene, match in found(told, rf"^_ (?:is |are )?({SIDES}) _$"):
        check_side(scene, match[1], match[2], match[3])
    for scene, match in found(told, rf"^({SIDES}) _ there (?:is|are) _$"):
        check_side(scene, match[3], match[1], match[2])


def check_side(scene: Scene, one: str, side: str, other: str) -> None:
    """ "A star" is some star, "two stars" are both."""
    some_one, some_other = (any if phrase.startswith("a") else all for phrase in (one, other))
    assert some_one(
        some_other(lies(a, side, b) for b in meant(other, scene) if a is not b) for a in meant(one, scene)
    ), (one, side, other)


def test_an_object_lies_in_the_part_of_the_picture_told(told: list[Told]) -> None:
    for scene, match in found(told, r"^_ (?:in|at|on) the ([a-z ]+) of the picture$"):
        places = []
        for placed in meant(match[1], scene):
            x, y = centre(placed)
            row = ("upper", "", "lower")[int(3 * y / scene.height)]
            column = ("left", "", "right")[int(3 * x / scene.width)]
            middles = {"upper": "top", "lower": "bottom", "": "middle"}
            places.append(f"{row} {column}".strip() if column else middles[row])
        assert match[2] in places, match[0]


def test_what_hides_another_is_named_in_the_right_order(told: list[Told]) -> None:
    for pattern, hidden, front in ((r"^_ partly hidden by _$", 1, 2), (r"^_ in front of _$", 2, 1)):
        for scene, match in found(told, pattern):
            fronts = [scene.objects[k] for placed in meant(match[hidden], scene) for k in placed.hidden_by]
            assert any(placed in meant(match[front], scene) for placed in fronts), match[0]


def test_the_largest_and_the_smallest_are(told: list[Told]) -> None:
    for scene, match in found(told, r"^the (largest|smallest) shape is _$"):
        best = (max if match[1] == "largest" else min)(extent(placed) for placed in scene.objects)
        assert best in [extent(placed) for placed in meant(match[2], scene)]


def test_the_background_is_the_scenes(told: list[Told]) -> None:
    for scene, match in found(told, rf"\ban? (?:({'|'.join(GROUNDS)}) )?({'|'.join(TONES)}) background"):
        assert match[1] in (None, scene.ground)
        assert match[2] == scene.tone


def test_only_images_without_objects_are_called_empty(told: list[Told]) -> None:
    for scene, sentence in told:
        says_empty = re.search(r"\b(empty|no shapes|without any shapes|nothing but|only)\b", sentence)
        assert bool(says_empty) == (not scene.objects), sentence
        if re.search(r"scribbles|specks", sentence):
            assert scene.clutter in sentence


def test_the_words_are_few_and_the_sentences_many(told: list[Told]) -> None:
    sentences = [sentence for _, sentence in told]
    words = {word for sentence in sentences for word in re.findall(r"[a-z]+", sentence)}
    assert 90 <= len(words) <= 150
    assert len(set(sentences)) >= 0.8 * len(sentences)
