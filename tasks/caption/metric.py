"""The metric of captions: see `corpus` for the scores."""

from __future__ import annotations

from collections.abc import Sequence

from unified.data.sample import Sample
from unified.task import Prediction, Scores

from .corpus import score_corpus
from .target import references


class CaptionMetric:
    """Scores `task`'s captions against the records'; pictures without captions are left out."""

    def __init__(self, task: str) -> None:
        self._task = task
        self._captions: list[str] = []
        self._references: list[list[str]] = []

    def update(self, predictions: Sequence[Prediction], samples: Sequence[Sample]) -> None:
        for prediction, sample in zip(predictions, samples, strict=True):
            if several := references(sample.record.labels):
                (entry,) = prediction.results[self._task].to_coco(prediction.image_id or 0)
                self._captions.append(entry["caption"])
                self._references.append(several)

    def compute(self) -> Scores:
        return score_corpus(self._captions, self._references)
