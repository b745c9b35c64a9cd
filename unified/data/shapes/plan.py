"""Which identities appear on which image, dealt before anything is drawn so that images can be drawn in any order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unified.data.shapes.identity import Identity, make_identities
from unified.data.shapes.vocabulary import MAX_OBJECTS

Deal = tuple[tuple[Identity, ...], ...]
"""The identities on each image of a split, in the order they are placed."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The cast of a data set. Val shows `seen` and `unseen` identities, train only its own."""

    identities: tuple[Identity, ...]
    train_identities: tuple[int, ...]
    seen_identities: tuple[int, ...]
    """Those of `train_identities` that val shows too."""
    unseen_identities: tuple[int, ...]
    """Those that only val shows."""
    train: Deal
    val: Deal


_STREAM = 1
MOST_IDENTITIES = 240
"""Of train, where nothing else is asked for."""
_MAX_VAL = 80
_OCCURRENCES = 3
"""A small set has fewer identities rather than identities seen less often than this."""

_COUNT_SHARES = (0.22, 0.27, 0.22, 0.14, 0.08, 0.04, 0.02, 0.01)
"""Share of the images with 1, 2, … MAX_OBJECTS objects; the mean is 2.8."""
_EMPTY_SHARE = 0.05
_TWIN_SHARE = 0.15
"""Share of the images with one identity twice."""


def make_plan(train: int, val: int, seed: int, identities: int = MOST_IDENTITIES) -> Plan:
    """Cast `train` and `val` images; `identities` is the largest number of train's."""
    rng = np.random.default_rng([seed, _STREAM])
    train_counts, val_counts = _draw_counts(train, rng), _draw_counts(val, rng)
    of_train = _affordable(train_counts, identities)
    of_val = _affordable(val_counts, _MAX_VAL)
    unseen, seen = of_val // 2, min(of_val - of_val // 2, of_train)
    cast = make_identities(of_train + unseen, seed)
    known, fresh = cast[:of_train], cast[of_train:]
    return Plan(
        identities=cast,
        train_identities=tuple(identity.number for identity in known),
        seen_identities=tuple(identity.number for identity in known[:seen]),
        unseen_identities=tuple(identity.number for identity in fresh),
        train=_deal(train_counts, known, rng),
        val=_deal(val_counts, known[:seen] + fresh, rng),
    )


def _draw_counts(images: int, rng: np.random.Generator) -> list[int]:
    counts = rng.choice(np.arange(1, MAX_OBJECTS + 1), size=images, p=_COUNT_SHARES)
    empty = round(_EMPTY_SHARE * images) or int(images > 2)
    counts[rng.permutation(images)[:empty]] = 0
    return [int(count) for count in counts]


def _affordable(counts: list[int], most: int) -> int:
    """How many identities `counts` can show often enough."""
    return max(1, min(most, sum(counts) // _OCCURRENCES))


def _deal(counts: list[int], cast: tuple[Identity, ...], rng: np.random.Generator) -> Deal:
    """Give each image the identities least used so far, ties at random."""
    used = np.zeros(len(cast))
    deal = []
    for count in counts:
        order = np.argsort(used + rng.random(len(cast)), kind="stable")
        shown = np.resize(order, count)
        if count > 1 and rng.random() < _TWIN_SHARE:
            shown[-1] = shown[0]
        np.add.at(used, shown, 1)
        deal.append(tuple(cast[k] for k in shown))
    return tuple(deal)
