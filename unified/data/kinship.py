"""Let pictures that show the same meet in a batch: what losses that compare need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_TRIES = 8  # draws from the pictures of a key before one that was shown already is taken


@dataclass(frozen=True, slots=True)
class Kinship:
    """`views` pictures of those that share a key come one after the other; picture i has the keys `keys[i]`."""

    views: int
    keys: Sequence[Sequence[int]]


def bring_together(order: NDArray[np.int64], kinship: Kinship, rng: np.random.Generator) -> NDArray[np.int64]:
    """As many pictures as in `order`, its kin beside each: first such as are not shown yet, then others again.

    A picture without any kin is its own, in another augmentation; one without keys stands alone. Since some are shown
    twice, others wait for another epoch. `order` may name a picture several times: that often it has its turn.
    """
    holders: dict[int, list[int]] = {}
    for i in order.tolist():
        for key in kinship.keys[i]:
            holders.setdefault(key, []).append(i)
    shown: set[int] = set()
    early: Counter[int] = Counter()  # how often a picture was shown as another's kin, and not yet in its own turn
    arranged: list[int] = []
    alone: list[int] = []  # as many of these come together as kin do, or a batch would end between kin
    for i in order.tolist():
        if early[i]:
            early[i] -= 1
            continue
        if not kinship.keys[i]:
            alone.append(i)
            if len(alone) == kinship.views:
                arranged += alone
                alone = []
        else:
            arranged.append(i)
            shown.add(i)
            for _ in range(kinship.views - 1):
                arranged.append(_kin(i, shown, kinship, holders, rng))
                shown.add(arranged[-1])
                early[arranged[-1]] += 1
        if len(arranged) + len(alone) >= len(order):
            break
    if alone:  # not at the end, or what is cut off would always be these
        others = [i for i in order.tolist() if not kinship.keys[i]]
        alone += [others[int(rng.integers(len(others)))] for _ in range(kinship.views - len(alone))]
        places = min(len(arranged) // kinship.views + 1, -(-len(order) // kinship.views))
        at = kinship.views * int(rng.integers(places))
        arranged[at:at] = alone
    return np.array(arranged[: len(order)], dtype=np.int64)


def _kin(i: int, shown: set[int], kinship: Kinship, holders: dict[int, list[int]], rng: np.random.Generator) -> int:
    """One that shares a key with picture i, if possible another and not shown yet."""
    other = i
    for _ in range(_TRIES):
        key = kinship.keys[i][int(rng.integers(len(kinship.keys[i])))]
        drawn = holders[key][int(rng.integers(len(holders[key])))]
        if drawn != i:
            other = drawn
            if other not in shown:
                break
    return other
