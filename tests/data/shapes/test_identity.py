from __future__ import annotations

import itertools
from collections import Counter

import pytest

from unified.data.shapes.identity import Identity, make_identities
from unified.data.shapes.vocabulary import CATEGORIES, COLOURS


@pytest.fixture(scope="module")
def identities() -> tuple[Identity, ...]:
    return make_identities(280, seed=3)


def test_identities_are_numbered_from_one_and_take_turns_in_category(identities: tuple[Identity, ...]) -> None:
    assert [identity.number for identity in identities] == list(range(1, 281))
    assert [identity.category for identity in identities] == list(CATEGORIES) * 28


def test_a_shorter_list_is_the_beginning_of_a_longer_one(identities: tuple[Identity, ...]) -> None:
    assert make_identities(23, seed=3) == identities[:23]


def test_another_seed_gives_others(identities: tuple[Identity, ...]) -> None:
    assert make_identities(10, seed=4) != identities[:10]


def test_two_of_a_category_differ_in_more_than_a_detail(identities: tuple[Identity, ...]) -> None:
    for a, b in itertools.combinations(identities, 2):
        if a.category == b.category:
            alike_at_a_glance = (a.colour, a.texture) == (b.colour, b.texture)
            assert not alike_at_a_glance or (a.second != b.second and a.mark != b.mark and a.texture != "plain")


def test_colour_tells_nothing_about_category(identities: tuple[Identity, ...]) -> None:
    for start in range(0, len(identities), len(CATEGORIES)):
        dealt = Counter(identity.colour for identity in identities[start : start + len(CATEGORIES)])
        assert dealt == dict.fromkeys(COLOURS, 1)


def test_the_colours_of_one_object_can_be_told_apart(identities: tuple[Identity, ...]) -> None:
    for identity in identities:
        assert len({identity.colour, identity.second, identity.mark_colour}) == 3
