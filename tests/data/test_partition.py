from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unified.data.annotations import Annotations, Rows, Strings, Videos
from unified.data.partition import partition
from unified.data.sample import Taxonomy
from unified.errors import ConfigError, DataError


def data(pictures: Sequence[Sequence[tuple[int, int]]], classes: int = 3, videos: Sequence[str] = ()) -> Annotations:
    """Pictures of (category, identity) objects."""
    flat = [thing for things in pictures for thing in things]
    names = [f"{i}.png" for i in range(len(pictures))]
    rows = Rows(
        np.tile([0.0, 0.0, 9.0, 9.0], (len(flat), 1)),
        np.array([category for category, _ in flat], dtype=np.int64),
        np.array([identity for _, identity in flat], dtype=np.int64),
        np.zeros(len(flat), dtype=np.bool_),
        np.full(len(flat), 81.0),
    )
    return Annotations(
        Taxonomy(tuple("abcdefgh"[:classes]), tuple(range(classes))),
        names,
        Path(),
        Strings(names),
        np.full((len(names), 2), 10),
        np.cumsum([0, *map(len, pictures)]),
        rows,
        videos=Videos(Strings(videos), np.arange(len(videos))) if videos else None,
    )


pictures = st.lists(st.lists(st.tuples(st.integers(0, 2), st.just(-1)), max_size=4), min_size=20, max_size=120)


@settings(max_examples=20, deadline=None)
@given(pictures, st.sampled_from([0.1, 0.2, 0.5]), st.integers(0, 3))
def test_every_category_keeps_its_share_within_a_few_pictures(
    pictures: list[list[tuple[int, int]]], val: float, seed: int
) -> None:
    train, held = partition(data(pictures), val, seed=seed)

    assert sorted(train + held) == list(range(len(pictures))) and train and held
    for category in range(3):
        of = [i for i, things in enumerate(pictures) if any(category == k for k, _ in things)]
        assert abs(len(set(of) & set(held)) - val * len(of)) <= 3
    assert abs(len(held) - val * len(pictures)) <= 3


def test_the_seed_decides() -> None:
    given = data([[(i % 3, -1)] for i in range(60)])

    assert partition(given, 0.2, seed=1) == partition(given, 0.2, seed=1) != partition(given, 0.2, seed=2)


def test_a_rare_category_is_on_both_sides_where_it_can_be() -> None:
    given = data([[(0, -1)]] * 48 + [[(0, -1), (1, -1)]] * 2 + [[]] * 10)

    for part in partition(given, 0.5):
        assert sum(i in (48, 49) for i in part) == 1 and sum(i >= 50 for i in part) == 5


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 2), st.integers(-1, 30)), max_size=3), min_size=10, max_size=60))
def test_pictures_that_share_an_identity_stay_together(pictures: list[list[tuple[int, int]]]) -> None:
    try:
        sides = partition(data(pictures), 0.3, by="identity")
    except DataError:
        return  # all hang together, or there are no identities
    train, held = ({k for i in side for _, k in pictures[i] if k >= 0} for side in sides)
    assert not train & held and all(sides)


def test_frames_of_a_video_stay_together() -> None:
    videos = ["a"] * 6 + ["b"] * 3 + ["c"] * 3

    sides = partition(data([[(0, -1)]] * 12, videos=videos), 0.25, by="video")
    assert {frozenset(videos[i] for i in side) for side in sides} in (
        {frozenset("ab"), frozenset("c")},
        {frozenset("ac"), frozenset("b")},
    )


@pytest.mark.parametrize("val", [0.0, 1.0, -1.0])
def test_a_share_must_leave_something_on_both_sides(val: float) -> None:
    with pytest.raises(ConfigError, match="above 0 and below 1"):
        partition(data([[]] * 9), val)


def test_what_cannot_be_dealt_out_is_refused() -> None:
    with pytest.raises(DataError, match="1 group by video"):
        partition(data([[]] * 3, videos="aaa"), 0.5, by="video")
    with pytest.raises(DataError, match="no frames of videos"):
        partition(data([[]] * 3), 0.5, by="video")
    with pytest.raises(DataError, match="no object has an identity"):
        partition(data([[(0, -1)]] * 3), 0.5, by="identity")
