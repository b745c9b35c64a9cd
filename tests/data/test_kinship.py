from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from unified.data.kinship import Kinship, bring_together
from unified.data.plan import epoch_order, plan_epoch

PERSONS = [[i // 10] for i in range(60)]  # ten pictures of each of six persons


def arranged(keys: list[list[int]], views: int, seed: int = 0) -> list[int]:
    order = np.random.default_rng(seed).permutation(len(keys))
    return bring_together(order, Kinship(views, keys), np.random.default_rng(seed)).tolist()


def test_pictures_of_one_person_come_together() -> None:
    order = arranged(PERSONS, 4)

    for start in range(0, len(order), 4):
        assert len({PERSONS[i][0] for i in order[start : start + 4]}) == 1


def test_most_pictures_are_shown_once() -> None:
    assert len(set(arranged(PERSONS, 2))) >= 0.8 * len(PERSONS)


def test_a_picture_without_kin_is_its_own() -> None:
    order = arranged([[i] for i in range(20)], 2)

    assert order[::2] == order[1::2] and len(set(order)) == 10


def test_pictures_without_keys_stand_alone_and_all_come() -> None:
    assert sorted(arranged([[] for _ in range(9)], 3)) == list(range(9))


@given(st.lists(st.lists(st.integers(0, 5), max_size=3), min_size=1, max_size=30), st.integers(1, 4), st.integers(0, 9))
def test_an_epoch_keeps_its_length_and_repeats_under_its_seed(keys: list[list[int]], views: int, seed: int) -> None:
    order = arranged(keys, views, seed)

    assert len(order) == len(keys) and set(order) <= set(range(len(keys)))
    assert order == arranged(keys, views, seed)


def test_two_draws_of_one_picture_differ_in_their_seed() -> None:
    kinship = Kinship(2, [[i] for i in range(16)])
    order = epoch_order(16, shuffle=True, seed=1, epoch=0, kinship=kinship)

    draws = [draw for batch in plan_epoch(order, batch=4, lanes=1, partners=0, seed=1, epoch=0) for draw in batch]

    assert len({draw.seed for draw in draws}) == 16 and len({draw.index for draw in draws}) == 8
