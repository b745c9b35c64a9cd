"""Metrics of multi-label classification: mAP, and precision, recall, F1 by class (CP CR CF1) and overall (OP OR OF1).

    AP_c = mean over the positives of class c of the precision at their score      mAP = mean of AP_c
    CP = mean_c TP_c / predicted_c     CR = mean_c TP_c / positives_c     CF1 = 2 CP CR / (CP + CR)
    OP = Σ TP_c / Σ predicted_c        OR = Σ TP_c / Σ positives_c        OF1 = 2 OP OR / (OP + OR)

A class is predicted where its probability is at least 0.5, or (`_top3`) where it is among the picture's three most
probable, whatever its value. A class that is never predicted has precision 0.

The convention for classes without a positive: they have no AP and count in no mean. Published tools often average
CP and CR over *all* classes, with recall 0 for those; these numbers end in `_all`. Overall numbers do not depend on it.
A number is None where it is undefined: no picture is labelled, or no class has a positive.

Letters: N pictures, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unified.data.sample import Sample
from unified.task import Json, Prediction, Scores, bootstrap_counts

from .agreement import Agreement
from .presence import presence
from .result import Tags

THRESHOLD = 0.5
TOP = 3

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Numbers = dict[str, float | None]


class MultiLabelMetric:
    """Collects (N, K) probabilities of a task and truths; the truth is the record's, untouched by augmentation."""

    def __init__(self, task: str, categories: Sequence[str]) -> None:
        self._task = task
        self._categories = tuple(categories)
        self._scores: list[Floats] = []
        self._truth: list[Bools] = []
        self._agreement = Agreement(len(self._categories), THRESHOLD)

    def update(self, predictions: Sequence[Prediction], samples: Sequence[Sample]) -> None:
        for prediction, sample in zip(predictions, samples, strict=True):
            present = presence(sample.record.labels, len(self._categories))
            if present is None:
                continue
            result = prediction.results[self._task]
            assert isinstance(result, Tags)
            self._scores.append(result.tag_scores.double().numpy())
            self._truth.append(present.numpy())
            self._agreement.update(result, prediction)

    def compute(self) -> Scores:
        scores, truth = self._arrays()
        ap = average_precision(scores, truth)
        numbers = multilabel_numbers(scores, truth, ap) | self._agreement.compute()
        return Scores(numbers, {"categories": self._per_category(scores, truth, ap)})

    def resampled(self, draws: int, *, seed: int) -> dict[str, Floats]:
        """mAP, which sees the scores' order, and CF1 and OF1, which see the threshold; of each resample."""
        scores, truth = self._arrays()
        values = {name: np.full(draws, np.nan) for name in ("mAP", "CF1", "OF1")}
        for d, drawn in enumerate(bootstrap_counts(len(scores), draws, seed)):
            rows = np.repeat(np.arange(len(scores)), drawn)
            ap = average_precision(scores[rows], truth[rows])
            found: Numbers = {} if np.isnan(ap).all() else {"mAP": float(np.nanmean(ap))}
            found |= decision_numbers(scores[rows] >= THRESHOLD, truth[rows])
            for name, own in values.items():
                if found.get(name) is not None:
                    own[d] = found[name]
        return values

    def _arrays(self) -> tuple[Floats, Bools]:
        """Scores and truth, (N, K) each."""
        shape = (len(self._scores), len(self._categories))
        scores = np.concatenate(self._scores).reshape(shape) if self._scores else np.zeros(shape)
        truth = np.concatenate(self._truth).reshape(shape) if self._truth else np.zeros(shape, dtype=bool)
        return scores, truth

    def _per_category(self, scores: Floats, truth: Bools, ap: Floats) -> list[dict[str, Json]]:
        hits, predicted, positives = counts(scores >= THRESHOLD, truth)
        columns = zip(self._categories, positives, ap, hits, predicted, strict=True)
        return [
            {
                "category": name,
                "positives": int(n),
                "AP": float(found) if n else None,
                "precision": _ratio(hit, chosen),
                "recall": _ratio(hit, n),
            }
            for name, n, found, hit, chosen in columns
        ]


def multilabel_numbers(scores: Floats, truth: Bools, ap: Floats) -> Numbers:
    """All numbers of (N, K) scores, with the AP of the classes already at hand; names as in the module's docstring."""
    known = ap[~np.isnan(ap)]
    numbers: Numbers = {"mAP": float(known.mean()) if len(known) else None}
    decisions = {"": scores >= THRESHOLD, "_top3": top(scores, TOP)}
    for suffix, decided in decisions.items():
        numbers |= decision_numbers(decided, truth, suffix)
    for suffix, decided in decisions.items():
        numbers |= class_numbers(decided, truth, np.full(truth.shape[1], len(truth) > 0), f"{suffix}_all")
    return numbers


def average_precision(scores: Floats, truth: Bools) -> Floats:
    """AP of each class, (K,), not interpolated; NaN for a class without positives.

    Equal scores are one threshold: the precision at a positive counts everything that scores at least as much.
    """
    ap = np.full(truth.shape[1], np.nan)
    for c in np.flatnonzero(truth.any(0)):
        all_scores = np.sort(scores[:, c])
        positives = np.sort(scores[truth[:, c], c])
        predicted = len(all_scores) - np.searchsorted(all_scores, positives)
        hits = len(positives) - np.searchsorted(positives, positives)
        ap[c] = (hits / predicted).mean()
    return ap


def top(scores: Floats, k: int) -> Bools:
    """(N, K) bool: the k highest of each row, the earlier class where scores are equal."""
    rank = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1)
    return rank < k


def decision_numbers(decided: Bools, truth: Bools, suffix: str = "") -> Numbers:
    """CP, CR, CF1 over the classes with positives, and OP, OR, OF1."""
    hits, predicted, positives = (int(each.sum()) for each in counts(decided, truth))
    overall: Numbers = {f"OP{suffix}": None, f"OR{suffix}": None, f"OF1{suffix}": None}
    if positives:
        op, recall = hits / max(predicted, 1), hits / positives
        overall = {f"OP{suffix}": op, f"OR{suffix}": recall, f"OF1{suffix}": _harmonic(op, recall)}
    return class_numbers(decided, truth, np.any(truth, axis=0), suffix) | overall


def class_numbers(decided: Bools, truth: Bools, classes: Bools, suffix: str = "") -> Numbers:
    """CP, CR, CF1 averaged over `classes` (K,) bool."""
    if not classes.any():
        return {f"CP{suffix}": None, f"CR{suffix}": None, f"CF1{suffix}": None}
    hits, predicted, positives = counts(decided, truth)
    cp = float((hits / np.maximum(predicted, 1))[classes].mean())
    cr = float((hits / np.maximum(positives, 1))[classes].mean())
    return {f"CP{suffix}": cp, f"CR{suffix}": cr, f"CF1{suffix}": _harmonic(cp, cr)}


def counts(decided: Bools, truth: Bools) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """True positives, predicted and positives of each class, (K,) each."""
    return (decided & truth).sum(0), decided.sum(0), truth.sum(0)


def _harmonic(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a + b else 0.0


def _ratio(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None
