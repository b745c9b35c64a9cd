"""Verification: are these two the same? Share of true pairs accepted at a given share of false pairs accepted.

    TAR@FAR=f     the true acceptance rate at the lowest threshold that accepts at most the share f of the false pairs

Cosines are counted in bins, so that a hundred thousand vectors, five thousand million pairs, take no memory; the
threshold lies on the edge of a bin. None where there are fewer than 1/f false pairs: the rate cannot be told then.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

RATES = (1e-1, 1e-2, 1e-3, 1e-4)
BINS = 1 << 16  # over [-1, 1]: a cosine is told to 3e-5


def acceptance(pairs: Iterable[tuple[Tensor, Tensor]]) -> dict[str, float | None]:
    """{"TAR@FAR=0.1": …} of (cosines, whether the two are the same) in chunks."""
    counts = torch.zeros(2, BINS, dtype=torch.long)
    for cosines, same in pairs:
        bins = ((cosines.clamp(-1, 1) + 1) / 2 * BINS).long().clamp(max=BINS - 1)
        counts += torch.bincount(bins + BINS * same, minlength=2 * BINS).view(2, BINS)
    false, true = counts.flip(1).cumsum(1)  # pairs at least as alike as the lower edge of the k-th highest bin
    return {f"TAR@FAR={rate:g}": _rate_at(rate, false, true) for rate in RATES}


def _rate_at(rate: float, false: Tensor, true: Tensor) -> float | None:
    if not int(true[-1]) or int(false[-1]) * rate < 1:
        return None
    allowed = int((false <= rate * int(false[-1])).sum())  # so many of the highest bins may be accepted
    return int(true[allowed - 1]) / int(true[-1]) if allowed else 0.0
