"""Who is drawn when, and with whom: the plan of an epoch, a pure function of the seed.

Batch b is made by worker b mod W: its lane. Partners for mosaic are drawn from the last `WINDOW` pictures of the lane,
which the worker still holds decoded, so that a mosaic costs one new picture. The order of the pictures and all that is
random about a sample do not depend on W; only partners do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from unified.data.kinship import Kinship, bring_together
from unified.data.mix import Mix
from unified.data.pipeline import Draw

WINDOW = 64  # pictures; at 640 px they take about 80 MB

# Streams of random numbers under one seed.
_ORDER, _PARTNERS, _SAMPLE, _KIN = 1, 2, 3, 4


def epoch_order(
    count: int, *, shuffle: bool, seed: int, epoch: int, kinship: Kinship | None = None, mix: Mix | None = None
) -> NDArray[np.int64]:
    """The order in which an epoch goes through the pictures: with `mix`, through several data sets by its ratio.

    With `kinship` some come twice, and others not at all.
    """
    if mix is not None:
        return mix.order(seed, epoch, kinship)
    order = np.random.default_rng((seed, epoch, _ORDER)).permutation(count) if shuffle else np.arange(count)
    if kinship is None:
        return order
    return bring_together(order, kinship, np.random.default_rng((seed, epoch, _KIN)))


def shard(order: NDArray[np.int64], *, batch: int, rank: int, ranks: int) -> NDArray[np.int64]:
    """The part of one of several processes: batch b of all of them together is batch b of one process with as many
    pictures. What does not fill a batch for all is left out, unless there is no more; then it is dealt out evenly.
    """
    if ranks == 1:
        return order
    whole = len(order) // (batch * ranks)
    if not whole:
        return np.array_split(order, ranks)[rank]
    return order[: whole * ranks * batch].reshape(whole, ranks, batch)[:, rank].reshape(-1)


def plan_epoch(
    order: NDArray[np.int64],
    *,
    batch: int,
    lanes: int,
    partners: int,
    seed: int,
    epoch: int,
    start: int = 0,
    drop_last: bool = False,
    labels: NDArray[np.int64] | None = None,
) -> Iterator[list[Draw]]:
    """The batches of an epoch from number `start` on, the same whether or not the ones before were asked for.

    `labels[i]` has a bit for whatever picture i is labelled for: its partners are labelled for that, too.
    """
    batches = [order[i : i + batch] for i in range(0, len(order), batch)]
    if drop_last and batches and len(batches[-1]) < batch:
        batches.pop()
    repeats = _repeats(order)
    lane_orders = [np.concatenate([order[:0], *batches[lane::lanes]]) for lane in range(lanes)]
    for b in range(start, len(batches)):
        chosen: list[tuple[int, ...]] = [()] * len(batches[b])
        if partners:
            lane, end = lane_orders[b % lanes], (b // lanes + 1) * batch
            pool = lane[max(end - WINDOW, 0) : max(end, WINDOW)]
            chosen = _partners(batches[b], pool, partners, np.random.default_rng((seed, epoch, _PARTNERS, b)), labels)
        yield [
            Draw(index, others, (seed, epoch, _SAMPLE, index, *again))
            for index, others, again in zip(
                batches[b].tolist(), chosen, repeats[b * batch : (b + 1) * batch], strict=True
            )
        ]


def _repeats(order: NDArray[np.int64]) -> list[tuple[int, ...]]:
    """What tells the draws of one picture in an epoch apart: () for the first, (1,) for the second …"""
    seen: Counter[int] = Counter()
    told: list[tuple[int, ...]] = []
    for index in order.tolist():
        told.append((seen[index],) if seen[index] else ())
        seen[index] += 1
    return told


def _partners(
    batch: NDArray[np.int64],
    pool: NDArray[np.int64],
    count: int,
    rng: np.random.Generator,
    labels: NDArray[np.int64] | None,
) -> list[tuple[int, ...]]:
    """For each picture `count` of the pool with the labels that it has; itself only where there is no other."""
    chosen = []
    for index in batch.tolist():
        others = pool[pool != index]
        if labels is not None:
            others = others[labels[others] & labels[index] == labels[index]]
        drawn = others[rng.integers(0, len(others), count)].tolist() if len(others) else [index] * count
        chosen.append(tuple(drawn))
    return chosen
