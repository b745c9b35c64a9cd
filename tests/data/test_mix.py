"""Ratios of several data sets: what an epoch takes of each, in which order."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unified.data.kinship import Kinship
from unified.data.mix import EXPONENTS, Mix
from unified.data.plan import shard
from unified.errors import ConfigError

PARTS = {"big": 90, "small": 10}


def counts(how: str | dict[str, float], epoch: int = 0, epochs: int = 11) -> list[int]:
    return Mix.make(how, PARTS, epochs).counts(epoch).tolist()


def test_shares_are_those_of_the_sizes_to_a_power() -> None:
    assert counts("proportional") == [90, 10]
    assert counts("sqrt") == [75, 25]
    assert counts("round_robin") == [50, 50]
    assert counts({"big": 1, "small": 3}) == [25, 75]


def test_annealed_goes_from_proportional_to_almost_even() -> None:
    found = [counts("annealed", epoch)[0] for epoch in range(11)]
    assert found[0] == 90 and found[-1] == round(100 * 9**0.2 / (9**0.2 + 1))
    assert all(later <= earlier for earlier, later in pairwise(found))
    assert counts("annealed", 30) == counts("annealed", 10), "a training that goes on stays there"


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=4),
    st.sampled_from(sorted(EXPONENTS)),
    st.integers(0, 5),
    st.integers(0, 9),
)
def test_an_epoch_is_as_long_as_all_pictures_and_takes_its_counts(
    sizes: list[int], how: str, epoch: int, seed: int
) -> None:
    mix = Mix.make(how, {str(k): size for k, size in enumerate(sizes)}, 6)
    order = mix.order(seed, epoch)
    source = np.repeat(np.arange(len(sizes)), sizes)[order]
    assert len(order) == sum(sizes)
    assert np.bincount(source, minlength=len(sizes)).tolist() == mix.counts(epoch).tolist()
    assert order.tolist() == mix.order(seed, epoch).tolist()


@pytest.mark.parametrize("how", EXPONENTS)
def test_no_picture_comes_twice_before_all_of_its_data_set_have_come(how: str) -> None:
    mix = Mix.make(how, PARTS, 5)
    drawn = np.concatenate([mix.order(3, epoch) for epoch in range(5)]).tolist()
    for part in (range(90), range(90, 100)):
        times = Counter(i for i in drawn if i in part)
        assert max(times.values()) - min(times[i] for i in part) <= 1


def test_equal_data_sets_take_strict_turns() -> None:
    order = Mix.make("round_robin", {"a": 20, "b": 20}, 1).order(0, 0)
    assert all(one != other for one, other in pairwise((order >= 20).tolist()))


def test_every_stretch_of_an_epoch_has_the_ratio() -> None:
    order = Mix.make({"big": 3, "small": 1}, PARTS, 1).order(0, 0)
    assert all(abs(int((order[i : i + 20] < 90).sum()) - 15) <= 1 for i in range(0, 100, 20))


def test_epochs_and_seeds_differ() -> None:
    mix = Mix.make("proportional", PARTS, 3)
    assert len({tuple(mix.order(seed, epoch)) for seed in range(3) for epoch in range(3)}) == 9


def test_kin_of_a_data_set_meet_and_the_ratio_stays() -> None:
    keys = [[i // 5] for i in range(90)] + [[] for _ in range(10)]
    order = Mix.make("proportional", PARTS, 1).order(0, 0, Kinship(2, keys)).tolist()
    assert sum(i >= 90 for i in order) == 10
    together = sum(keys[a] == keys[b] != [] for a, b in pairwise(order))
    assert together >= 40, "forty-five pairs, some of them parted by a picture of the other data set"


def test_the_parts_of_all_processes_are_the_order_of_one() -> None:
    order = Mix.make("sqrt", PARTS, 1).order(0, 0)
    parts = [shard(order, batch=5, rank=rank, ranks=2) for rank in range(2)]
    steps = [part[step * 5 : step * 5 + 5] for step in range(10) for part in parts]
    assert np.concatenate(steps).tolist() == order.tolist()


@pytest.mark.parametrize(
    ("ratios", "words"),
    [
        ({"big": 0.0, "small": 0.0}, r"got \{'big': 0.0, 'small': 0.0\}.*at least one is larger than 0"),
        ({"big": -1.0, "small": 2.0}, r"got \{'big': -1.0\}"),
        ({"big": float("nan"), "small": 2.0}, r"got \{'big': nan\}"),
        ({"big": float("inf"), "small": 2.0}, r"got \{'big': inf\}"),
        ({"big": 1.0}, r"no ratio for small"),
        ({"big": 1.0, "smal": 1.0}, r"no source 'smal'; did you mean 'small'"),
    ],
)
def test_ratios_that_do_not_add_up_are_refused(ratios: dict[str, float], words: str) -> None:
    with pytest.raises(ConfigError, match=rf"data\.mix: {words}"):
        Mix.make(ratios, PARTS, 1)


def test_an_unknown_mix_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"data\.mix: unknown mix 'round-robin'; did you mean 'round_robin'"):
        Mix.make("round-robin", PARTS, 1)
