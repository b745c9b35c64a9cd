"""How well vectors find their like: on the labelled boxes, and on those that the detector found.

Names of `retrieval` and `verification`, on the labelled boxes. With `_unseen`: only queries for identities that were
not in the training set, the gallery being whole. With `_detected`: the boxes of whatever task finds some, with a score
of at least `SHOWN`; one that shows no labelled object stays in the gallery, to be mistaken. `found` is the share of
the labelled objects that such a box shows: the others are not asked for. With `_reranked`: the same queries and gallery
(no verification) in the order of `unified.ops.rerank`, where a config asks for it (`rerank`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unified.data.sample import Record, Sample
from unified.task import Json, Prediction, ScoredBoxes, Scores, bootstrap_counts

from .matching import AGAIN, match
from .result import Embeddings
from .retrieval import Ranking, rank, similarities
from .target import Kind, same_as
from .verification import acceptance

SHOWN = 0.25  # what `unified predict` shows by default


class RetrievalMetric:
    """Collects vectors; `task` is the name under which predictions hold them.

    `trained` holds the sorted numbers of the training set's identities, `rerank` the neighbours of a second ranking.
    """

    def __init__(
        self, task: str, kind: Kind, categories: Sequence[str], trained: Tensor, *, rerank: int = 0
    ) -> None:
        self._task = task
        self._rerank = rerank
        # Copies of one object do not recur in a data set; its identities, where there are any, say what is the same.
        self._kind: Kind = "identity" if kind == "self" else kind
        self._categories = tuple(categories)
        self._trained = trained.cpu()
        self._true = _Gallery()
        self._detected = _Gallery()
        self._shown: list[Tensor] = []  # whether each labelled object of known number was found

    def update(self, predictions: Sequence[Prediction], samples: Sequence[Sample]) -> None:
        for prediction, sample in zip(predictions, samples, strict=True):
            self._update(prediction, sample.record)

    def _update(self, prediction: Prediction, record: Record) -> None:
        objects, result = record.labels.objects, prediction.results[self._task]
        if objects is None or not isinstance(result, Embeddings) or result.true_vectors is None:
            return
        numbers = same_as(objects, self._kind)
        self._true.add(result.true_vectors, numbers, objects.categories)
        found = next((other for other in prediction.results.values() if isinstance(other, ScoredBoxes)), None)
        if found is None:
            return
        shown = (found.scores >= SHOWN).nonzero().flatten()
        rows = match(found.boxes[shown], objects.boxes.as_subclass(Tensor))
        # A second box of one object would be its own best answer, or the best wrong one: neither says anything.
        shown, rows = shown[rows != AGAIN], rows[rows != AGAIN]
        self._detected.add(result.vectors[shown], _looked_up(numbers, rows), _looked_up(objects.categories, rows))
        self._shown.append(torch.isin(torch.arange(len(numbers)), rows)[numbers >= 0])

    def compute(self) -> Scores:
        ranking = rank(self._true.vectors, self._true.numbers)
        numbers = self._named(ranking, self._true) | acceptance(similarities(self._true.vectors, self._true.numbers))
        numbers |= self._reranked(self._true)
        if self._shown:
            detected, shown = self._detected, torch.cat(self._shown)
            numbers |= self._named(rank(detected.vectors, detected.numbers), detected, "_detected")
            numbers |= {"found": float(shown.double().mean()) if len(shown) else None}
            numbers |= self._reranked(detected, "_detected")
        return Scores(numbers, {"categories": self._per_category(ranking)})

    def resampled(self, draws: int, *, seed: int) -> dict[str, NDArray[np.float64]]:
        """mAP and Rank-1 on the labelled boxes; a resample is of the pictures that ask, and all are asked each time.

        A gallery of pictures drawn with replacement would hold copies of a query: right answers that are no answers.
        """
        ranking = rank(self._true.vectors, self._true.numbers)
        counts = torch.from_numpy(bootstrap_counts(self._true.pictures, draws, seed)).double()
        asking = self._true.picture[ranking.query]
        queries = counts @ torch.bincount(asking, minlength=self._true.pictures).double()
        values = {"mAP": ranking.average_precision, "Rank-1": (ranking.first <= 1).double()}
        sums = {name: torch.bincount(asking, own, self._true.pictures) for name, own in values.items()}
        return {name: (counts @ own.double() / queries).numpy() for name, own in sums.items()}

    def _named(self, ranking: Ranking, gallery: _Gallery, which: str = "") -> dict[str, float | None]:
        unseen = ~torch.isin(gallery.numbers[ranking.query], self._trained)
        numbers = {f"{name}{which}": value for name, value in ranking.numbers().items()}
        return numbers | {f"{name}_unseen{which}": value for name, value in ranking[unseen].numbers().items()}

    def _reranked(self, gallery: _Gallery, which: str = "") -> dict[str, float | None]:
        if not self._rerank:
            return {}
        again = rank(gallery.vectors, gallery.numbers, neighbours=self._rerank)
        return self._named(again, gallery, f"{which}_reranked")

    def _per_category(self, ranking: Ranking) -> list[dict[str, Json]]:
        category = self._true.categories[ranking.query]
        rows = []
        for k, name in enumerate(self._categories):
            own = ranking[category == k]
            if len(own.query):
                numbers = own.numbers()
                rows.append({"category": name, "queries": len(own.query)} | {n: numbers[n] for n in ("Rank-1", "mAP")})
        return rows


def _looked_up(values: Tensor, rows: Tensor) -> Tensor:
    """`values` of the rows, -1 where there is none."""
    return torch.cat([values, values.new_tensor([-1])])[rows]


class _Gallery:
    """Vectors (N, D) with numbers (N,) and categories (N,), picture by picture."""

    def __init__(self) -> None:
        self._parts: list[tuple[Tensor, Tensor, Tensor]] = []

    def add(self, vectors: Tensor, numbers: Tensor, categories: Tensor) -> None:
        self._parts.append((vectors, numbers, categories))

    @property
    def pictures(self) -> int:
        return len(self._parts)

    @property
    def picture(self) -> Tensor:
        """(N,) int64: the picture that each vector is from."""
        sizes = torch.tensor([len(numbers) for _, numbers, _ in self._parts]).long()
        return torch.repeat_interleave(torch.arange(len(sizes)), sizes)

    @property
    def vectors(self) -> Tensor:
        return torch.cat([vectors for vectors, _, _ in self._parts]) if self._parts else torch.zeros(0, 1)

    @property
    def numbers(self) -> Tensor:
        return torch.cat([numbers for _, numbers, _ in self._parts]) if self._parts else torch.zeros(0).long()

    @property
    def categories(self) -> Tensor:
        return torch.cat([categories for _, _, categories in self._parts]) if self._parts else torch.zeros(0).long()
