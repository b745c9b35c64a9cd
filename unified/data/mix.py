"""In which ratio several data sets are interleaved: a pure function of seed and epoch.

An epoch has as many pictures as all data sets together. Of these, data set k gives a share

    p_k ∝ N_k^α        N_k its pictures

α = 1 is proportional, ½ square root, 0 round robin; annealed goes from 1 to 0.2, as arXiv 1902.02671 does. Each data
set is gone through again and again, in an order that is drawn anew each time: none of its pictures comes twice before
all have come, however many an epoch takes. The data sets take turns as evenly as the ratio allows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unified.data.kinship import Kinship, bring_together
from unified.errors import ConfigError, nearest

EXPONENTS = {"proportional": (1.0, 1.0), "sqrt": (0.5, 0.5), "round_robin": (0.0, 0.0), "annealed": (1.0, 0.2)}

# Streams of random numbers under one seed, as those of the plan.
_ORDER, _KIN = 1, 4


@dataclass(frozen=True, slots=True)
class Mix:
    """Data sets of `sizes` pictures, one after the other; α goes from the first to the second of `exponents`."""

    sizes: tuple[int, ...]
    exponents: tuple[float, float] = (1.0, 1.0)
    ratios: tuple[float, ...] | None = None  # instead of the exponents
    epochs: int = 1

    @classmethod
    def make(cls, how: str | Mapping[str, float], parts: Mapping[str, int], epochs: int) -> Mix:
        """`how` is a key of EXPONENTS, or the ratio of each data set of `parts`.

        Raises:
            ConfigError: no such mix, or ratios that cannot be used.
        """
        sizes = tuple(parts.values())
        if isinstance(how, str):
            if how not in EXPONENTS:
                raise ConfigError(f"data.mix: unknown mix {how!r}; {nearest(how, EXPONENTS)}, or a ratio a source")
            return cls(sizes, EXPONENTS[how], None, epochs)
        if fault := fault_of(how, list(parts)):
            raise ConfigError(f"data.mix: {fault}")
        return cls(sizes, (1.0, 1.0), tuple(how[name] for name in parts), epochs)

    def counts(self, epoch: int) -> NDArray[np.int64]:
        """Pictures of each data set in that epoch."""
        shares = self._shares(epoch) * sum(self.sizes)
        counts = np.floor(shares).astype(np.int64)
        rest = np.argsort(counts - shares, kind="stable")[: sum(self.sizes) - counts.sum()]
        counts[rest] += 1
        return counts

    def order(self, seed: int, epoch: int, kinship: Kinship | None = None) -> NDArray[np.int64]:
        """The order of an epoch; with `kinship`, kin of one data set stay together."""
        together = 1 if kinship is None else kinship.views
        counts = self.counts(epoch)
        before = sum((self.counts(past) for past in range(epoch)), np.zeros_like(counts))
        first = np.cumsum([0, *self.sizes])
        orders, turns = [], []
        for k, count in enumerate(counts.tolist()):
            order = first[k] + self._passed(k, seed, int(before[k]), count)
            if kinship is not None:
                order = bring_together(order, kinship, np.random.default_rng((seed, epoch, _KIN, k)))
            phase = np.random.default_rng((seed, epoch, _ORDER, k, 0)).random()
            orders.append(order)
            turns.append((np.arange(count) // together + phase) * together / max(count, 1))
        mixed: NDArray[np.int64] = np.concatenate(orders)[np.argsort(np.concatenate(turns), kind="stable")]
        return mixed

    def _shares(self, epoch: int) -> NDArray[np.float64]:
        if self.ratios is not None:
            weights = np.array(self.ratios)
        else:
            start, end = self.exponents
            weights = np.array(self.sizes) ** (start + (end - start) * min(epoch / max(self.epochs - 1, 1), 1.0))
        shares: NDArray[np.float64] = weights / weights.sum()
        return shares

    def _passed(self, k: int, seed: int, start: int, count: int) -> NDArray[np.int64]:
        """`count` pictures of data set k, as it is gone through again and again, from number `start` on."""
        size = self.sizes[k]
        rounds = range(start // size, -(-(start + count) // size))
        passes = [np.random.default_rng((seed, r, _ORDER, k)).permutation(size) for r in rounds]
        return np.concatenate([np.zeros(0, dtype=np.int64), *passes])[start % size :][:count]


def fault_of(ratios: Mapping[str, float], names: list[str]) -> str | None:
    """What is wrong with explicit ratios of the data sets `names`."""
    if unknown := [name for name in ratios if name not in names]:
        return f"no source {unknown[0]!r}; {nearest(unknown[0], names)}"
    if missing := [name for name in names if name not in ratios]:
        return f"no ratio for {', '.join(missing)}; give each source one, 0 to leave it out"
    wrong = {name: ratio for name, ratio in ratios.items() if not (math.isfinite(ratio) and ratio >= 0)}
    if wrong or not sum(ratios.values()) > 0:
        return f"got {wrong or dict(ratios)}; ratios are numbers ≥ 0, and at least one is larger than 0"
    return None
