"""How sure a change of a metric is: percentile intervals over resampled pictures, the same pictures for both models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from unified.data.sample import Sample
from unified.task import Metric, Prediction, Resampled, bootstrap_counts

DRAWS = 200
SLOW_DRAWS = 30  # where a metric has to be computed anew from the predictions of every draw
LEVEL = 95.0  # per cent of the draws that an interval holds

Floats = NDArray[np.float64]


@dataclass
class Scored:
    """A metric that has seen a model's predictions, and those where it must be computed anew for every draw."""

    make: Callable[[], Metric]
    metric: Metric = field(init=False)
    _seen: list[tuple[Prediction, Sample]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.metric = self.make()

    def update(self, predictions: Sequence[Prediction], samples: Sequence[Sample]) -> None:
        self.metric.update(predictions, samples)
        if not isinstance(self.metric, Resampled):
            self._seen += zip(predictions, samples, strict=True)

    def numbers(self) -> dict[str, float | None]:
        return self.metric.compute().numbers

    def draws(self, draws: int) -> dict[str, Floats]:
        """(draws,) values by number; fewer where every draw costs a whole evaluation."""
        if isinstance(self.metric, Resampled):
            return self.metric.resampled(draws, seed=0)
        values: dict[str, list[float]] = {}
        for counts in bootstrap_counts(len(self._seen), min(draws, SLOW_DRAWS), seed=0):
            metric = self.make()
            rows = [self._seen[i] for i in np.repeat(np.arange(len(counts)), counts)]
            metric.update([prediction for prediction, _ in rows], [sample for _, sample in rows])
            for name, value in metric.compute().numbers.items():
                values.setdefault(name, []).append(np.nan if value is None else value)
        return {name: np.asarray(own) for name, own in values.items()}


def interval(changes: Floats) -> tuple[float, float] | None:
    """The middle `LEVEL` per cent of the draws; None where there are not two different resamples to draw."""
    known = changes[~np.isnan(changes)]
    if len(known) < 2:
        return None
    low, high = np.percentile(known, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return float(low), float(high)
