"""Means of a few runs, and how sure they are: Student's t, as seeds are few."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

# Two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom (any table of it).
T95 = (
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
    2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860,
    2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
)  # fmt: skip
Z95 = 1.959964


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over `runs` runs; `half` is half the width of its 95 % interval, None for a single run."""

    value: float
    half: float | None
    runs: int

    def surely(self) -> int:
        """+1 or -1 where the interval lies on one side of 0, else 0; a single run is sure of nothing."""
        if self.half is None or abs(self.value) <= self.half:
            return 0
        return 1 if self.value > 0 else -1


def mean(values: Sequence[float]) -> Mean | None:
    """The mean of the values and its interval; None of nothing."""
    if not values:
        return None
    if len(values) == 1:
        return Mean(values[0], None, 1)
    return Mean(fmean(values), t95(len(values) - 1) * stdev(values) / math.sqrt(len(values)), len(values))


def t95(freedom: int) -> float:
    """The two-sided 95 % quantile of Student's t; beyond the table by its series in 1/ν (Abramowitz 26.7.5)."""
    if freedom <= len(T95):
        return T95[freedom - 1]
    z = Z95
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
