from __future__ import annotations

from itertools import chain
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from unified.data.dataset import Dataset
from unified.data.pipeline import Draw
from unified.data.plan import WINDOW, epoch_order, plan_epoch, shard
from unified.data.shelf import Shelf

PICTURE = Image.new("RGB", (1, 1))


def plan(count: int, *, epoch: int = 0, seed: int = 0, **options: Any) -> list[list[Draw]]:
    order = epoch_order(count, shuffle=True, seed=seed, epoch=epoch)
    return list(plan_epoch(order, **{"batch": 4, "lanes": 2, "partners": 3, "seed": seed, "epoch": epoch} | options))


def test_without_shuffling_pictures_come_in_order() -> None:
    assert epoch_order(5, shuffle=False, seed=3, epoch=2).tolist() == [0, 1, 2, 3, 4]


def test_epochs_and_seeds_differ_and_repeat() -> None:
    orders = {tuple(epoch_order(50, shuffle=True, seed=s, epoch=e)) for s in range(3) for e in range(3)}

    assert len(orders) == 9
    assert plan(50, epoch=1, seed=2) == plan(50, epoch=1, seed=2)


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 4), st.integers(0, 7), st.booleans())
def test_every_picture_is_drawn_once_an_epoch(count: int, batch: int, lanes: int, partners: int, drop: bool) -> None:
    batches = plan(count, batch=batch, lanes=lanes, partners=partners, drop_last=drop)

    drawn = [draw.index for draws in batches for draw in draws]
    assert len(set(drawn)) == len(drawn) == (count // batch * batch if drop else count)
    assert all(len(draws) == batch for draws in batches[: None if drop else -1])
    assert all(len(draw.partners) == partners for draws in batches for draw in draws)
    for lane in (list(chain.from_iterable(batches[lane::lanes])) for lane in range(lanes)):
        assert len(lane) <= 1 or all(draw.index not in draw.partners for draw in lane)


@given(st.integers(0, 30), st.integers(1, 3))
def test_a_plan_begun_later_is_the_rest_of_the_plan(start: int, lanes: int) -> None:
    assert plan(100, lanes=lanes, start=start) == plan(100, lanes=lanes)[start:]


def test_the_order_and_the_seeds_do_not_depend_on_the_number_of_workers() -> None:
    one, three = ([(draw.index, draw.seed) for draws in plan(100, lanes=lanes) for draw in draws] for lanes in (1, 3))
    assert one == three


def test_seeds_of_samples_are_all_different() -> None:
    seeds = [draw.seed for epoch in range(3) for draws in plan(40, epoch=epoch) for draw in draws]

    assert len({tuple(np.random.default_rng(seed).integers(0, 2**62, 2)) for seed in seeds}) == len(seeds)


@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_a_mosaic_costs_about_one_new_picture(lanes: int) -> None:
    batches = plan(2000, batch=8, lanes=lanes)
    source = Counting()
    for lane in range(lanes):
        shelf = Shelf(cast(Dataset, source), capacity=WINDOW + 8)
        for draw in chain.from_iterable(batches[lane::lanes]):
            for index in (draw.index, *draw.partners):
                shelf.picture(index)

    assert source.decoded < 1.05 * 2000


class Counting:
    """In place of a data set: counts what would be decoded."""

    decoded = 0

    def picture(self, i: int, at_least: int | None = None) -> Image.Image:
        self.decoded += 1
        return PICTURE


def test_partners_are_spread_evenly() -> None:
    drawn = [other for draws in plan(2000, batch=8, lanes=2) for draw in draws for other in draw.partners]

    counts = np.bincount(drawn, minlength=2000)
    assert counts.mean() == 3 and counts.max() < 15 and (counts == 0).mean() < 0.1


@pytest.mark.parametrize(("count", "batch", "ranks"), [(40, 4, 2), (41, 4, 3), (7, 4, 2), (5, 4, 3), (9, 2, 1)])
def test_the_parts_of_all_processes_are_one_process_with_their_batches_together(
    count: int, batch: int, ranks: int
) -> None:
    order = np.random.default_rng(0).permutation(count)
    parts = [shard(order, batch=batch, rank=rank, ranks=ranks) for rank in range(ranks)]
    if ranks > 1 and count >= batch * ranks:
        steps = count // (batch * ranks)
        together = [part[step * batch : (step + 1) * batch] for step in range(steps) for part in parts]
        assert np.concatenate(together).tolist() == order[: steps * batch * ranks].tolist()
        assert {len(part) for part in parts} == {steps * batch}, "nobody waits for a batch that does not come"
    else:
        assert np.concatenate(parts).tolist() == order.tolist() and min(map(len, parts)) > 0
