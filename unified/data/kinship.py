"""Order an epoch so that pictures of one identity share a batch, as losses that compare objects need."""

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
    for i in order.tolist():
        if early[i]:
            early[i] -= 1
            continue
        arranged.append(i)
        shown.add(i)
        for _ in range(kinship.views - 1 if kinship.keys[i] else 0):
            arranged.append(_kin(i, shown, kinship, holders, rng))
            shown.add(arranged[-1])
            early[arranged[-1]] += 1
        if len(arranged) >= len(order):
            break
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
