"""AP on resamples of the pictures: boxes are matched once, by COCO's evaluator, and only counted anew for each.

A match concerns one picture alone, so a picture that a resample holds twice brings each of its boxes twice.
Letters: D draws, I pictures, K categories, T IoU thresholds, N detections of a category, best first.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .coco_eval import MOST, Row, make_evaluator

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Matches:
    """The detections of one category, best first, and how many objects each picture has of it."""

    image: NDArray[np.int64]  # (N,) 0..I-1
    hit: NDArray[np.bool_]  # (T, N) true positive
    miss: NDArray[np.bool_]  # (T, N) false positive; neither: matched to a crowd, of no account
    objects: Counts  # (I,)


def match_boxes(
    image_ids: Sequence[int], annotations: Sequence[Row], category_ids: Sequence[int], detections: Sequence[Row]
) -> list[Matches]:
    """One entry a category; at most 100 detections a picture and category, objects of all areas, as AP has it."""
    with contextlib.redirect_stdout(io.StringIO()):
        # The fast evaluator keeps its matches to itself.
        evaluator = make_evaluator(image_ids, annotations, category_ids, detections, backend="pycocotools")
        evaluator.params.areaRng, evaluator.params.areaRngLbl = evaluator.params.areaRng[:1], ["all"]
        evaluator.params.maxDets = evaluator.params.maxDets[MOST:]
        evaluator.evaluate()
    images, thresholds = len(image_ids), len(evaluator.params.iouThrs)
    found = [evaluator.evalImgs[k * images : (k + 1) * images] for k in range(len(category_ids))]
    return [_gathered(entries, thresholds) for entries in found]


def _gathered(entries: Sequence[Row | None], thresholds: int) -> Matches:
    """The evaluator's entries of one category, picture by picture, as arrays."""
    objects = np.zeros(len(entries), dtype=np.int64)
    scores, image = [np.zeros(0)], [np.zeros(0, dtype=np.int64)]
    matched, ignored = [np.zeros((thresholds, 0), dtype=bool)], [np.zeros((thresholds, 0), dtype=bool)]
    for i, entry in enumerate(entries):
        if entry is None:  # neither an object nor a detection
            continue
        objects[i] = int((np.asarray(entry["gtIgnore"]) == 0).sum())
        scores.append(np.asarray(entry["dtScores"], dtype=np.float64))
        image.append(np.full(len(entry["dtScores"]), i))
        matched.append(np.asarray(entry["dtMatches"]) > 0)
        ignored.append(np.asarray(entry["dtIgnore"]).astype(bool))
    best = np.argsort(-np.concatenate(scores), kind="stable")
    taken, left_out = np.concatenate(matched, 1)[:, best], np.concatenate(ignored, 1)[:, best]
    hit, miss = taken & ~left_out, ~taken & ~left_out
    last = int(np.flatnonzero(hit.any(0)).max(initial=-1)) + 1  # what comes after the last hit changes no AP
    return Matches(np.concatenate(image)[best][:last], hit[:, :last], miss[:, :last], objects)


def average_precisions(matches: Sequence[Matches], counts: Counts) -> Floats:
    """(D, T): mean over the categories that a draw has objects of; `counts` (D, I). NaN where it has none of any."""
    recalls = np.linspace(0, 1, 101)
    sums = np.zeros((len(counts), matches[0].hit.shape[0] if matches else 1))
    present = np.zeros(len(counts), dtype=np.int64)
    for own in matches:
        positives = counts @ own.objects
        for d in np.flatnonzero(positives):
            weight = counts[d][own.image]
            held = weight > 0  # most draws lack a third of the pictures
            sums[d] += _average_precision(own.hit[:, held], own.miss[:, held], weight[held], positives[d], recalls)
        present += positives > 0
    with np.errstate(invalid="ignore"):
        ap: Floats = sums / present[:, None]
    return ap


def _average_precision(
    hit: NDArray[np.bool_], miss: NDArray[np.bool_], weight: Counts, positives: int, recalls: Floats
) -> Floats:
    """(T,): COCO's mean over 101 recalls of the highest precision at that recall or more."""
    hits, misses = (hit * weight).cumsum(1), (miss * weight).cumsum(1)
    precision = hits / np.maximum(hits + misses, 1)
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = hits / positives
    ap = np.zeros(len(hit))
    for t in range(len(hit)):
        at = np.searchsorted(recall[t], recalls, side="left")
        reached = at[at < recall.shape[1]]
        ap[t] = precision[t, reached].sum() / len(recalls)
    return ap
