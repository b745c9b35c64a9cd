"""Do the image's tags and the boxes found in it say the same? Two heads on one trunk should.

For every picture and category: the image score is its tag probability, the box score that of its best box, 0 where no
box of the category was found.

    agreement              share of decisions at 0.5 that are the same
    agreement_pearson      correlation of the two scores; None where one of them is constant
    agreement_spearman     correlation of their ranks, equal scores sharing their mean rank
    agreement_difference   mean |image score - box score|

All None when nothing predicts boxes. Most pairs are absent in both, so read `agreement` beside the correlations.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unified.task import Prediction, ScoredBoxes

from .result import Tags


class Agreement:
    """Collects image scores and best box scores of (picture, category) pairs."""

    def __init__(self, categories: int, threshold: float) -> None:
        self._categories = categories
        self._threshold = threshold
        self._image: list[Tensor] = []
        self._box: list[Tensor] = []

    def update(self, tags: Tags, prediction: Prediction) -> None:
        boxes = [result for result in prediction.results.values() if isinstance(result, ScoredBoxes)]
        if boxes:
            self._image.append(tags.tag_scores)
            self._box.append(best_box_scores(boxes[0], self._categories))

    def compute(self) -> dict[str, float | None]:
        if not self._image:
            names = ("agreement", "agreement_pearson", "agreement_spearman", "agreement_difference")
            return dict.fromkeys(names)
        image, box = (torch.cat(pairs).double().numpy() for pairs in (self._image, self._box))
        return {
            "agreement": float(((image >= self._threshold) == (box >= self._threshold)).mean()),
            "agreement_pearson": correlation(image, box),
            "agreement_spearman": correlation(ranks(image), ranks(box)),
            "agreement_difference": float(np.abs(image - box).mean()),
        }


def best_box_scores(found: ScoredBoxes, categories: int) -> Tensor:
    """(K,) the highest score of a box of each category, 0 where there is none."""
    best = found.scores.new_zeros(categories)
    return best.scatter_reduce(0, found.labels.long(), found.scores, "amax")


def correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float | None:
    """Pearson's coefficient; None where a side does not vary."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1; equal values share the mean of theirs."""
    _, group, size = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(size)
    return (last - (size - 1) / 2)[group]
