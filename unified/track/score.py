"""HOTA, IDF1 and MOTA of tracks against truth, by TrackEval; the only file that imports it.

HOTA (arXiv 2009.07736) is the mean over α = 0.05 … 0.95; IDF1 (arXiv 1609.01775) and the CLEAR numbers (Bernardin and
Stiefelhagen, 2008) count a box as found at an IoU of 0.5 or more. Over sequences, and over categories, the counts are
added up, and the shares are taken of the sums: TrackEval's "combined" and "detection averaged".
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unified.errors import DataError, MissingExtraError
from unified.task import Scores
from unified.track.associate import iou_cost
from unified.track.tracks import Sighting, Tracks

EXTRA = "track"
# Our name: TrackEval's family and field. Shares are in 0..1 (MOTA may be below), the others count.
NUMBERS = {
    "HOTA": ("HOTA", "HOTA"),
    "DetA": ("HOTA", "DetA"),
    "AssA": ("HOTA", "AssA"),
    "IDF1": ("Identity", "IDF1"),
    "IDP": ("Identity", "IDP"),
    "IDR": ("Identity", "IDR"),
    "MOTA": ("CLEAR", "MOTA"),
    "MOTP": ("CLEAR", "MOTP"),
    "IDSW": ("CLEAR", "IDSW"),
    "Frag": ("CLEAR", "Frag"),
    "FP": ("CLEAR", "CLR_FP"),
    "FN": ("CLEAR", "CLR_FN"),
    "MT": ("CLEAR", "MT"),
    "ML": ("CLEAR", "ML"),
}
COUNTS = frozenset({"IDSW", "Frag", "FP", "FN", "MT", "ML"})
_ANY = ""  # stands for all categories together, where truth names none

log = logging.getLogger(__name__)
Results = Mapping[str, Mapping[str, Any]]  # TrackEval's: {family: {field: value}}


def score_tracks(pairs: Sequence[tuple[Tracks, Tracks]]) -> Scores:
    """The numbers over all sequences, (found, truth) each; tables a sequence and a category where there are several.

    Scored are the frames of the truth, in the categories that it names; what was found in others is left out, and
    logged. Truth that names no category says nothing of them: then the tracks may be of one only.

    Raises:
        DataError: truth without a box, of frames that were not tracked, or of none of the categories found.
        MissingExtraError: TrackEval is not installed.
    """
    categories = _categories(pairs)
    metrics = _metrics()
    cells = {
        (i, category): {
            family: metric.eval_sequence(_sequence(found, truth, category)) for family, metric in metrics.items()
        }
        for i, (found, truth) in enumerate(pairs)
        for category in categories
    }
    by_category = {
        category: _combined(metrics, [cells[i, category] for i in range(len(pairs))]) for category in categories
    }
    tables = {}
    if len(pairs) > 1:
        tables["per_sequence"] = [
            {"sequence": truth.name} | _numbers(_averaged(metrics, [cells[i, category] for category in categories]))
            for i, (_, truth) in enumerate(pairs)
        ]
    if len(categories) > 1:
        tables["per_category"] = [{"category": name} | _numbers(found) for name, found in by_category.items()]
    return Scores(_numbers(_averaged(metrics, list(by_category.values()))), tables)


def check_installed() -> None:
    """Raises MissingExtraError where TrackEval is not: to be told before hours of tracking, not after."""
    _metrics()


def _categories(pairs: Sequence[tuple[Tracks, Tracks]]) -> list[str]:
    """What to score; raises DataError where there is nothing."""
    known = list(dict.fromkeys(name for _, truth in pairs for name in truth.categories))
    seen = Counter[str]()
    for found, truth in pairs:
        lost = sorted(set(truth.frames) - set(found.frames))
        if lost:
            raise DataError(f"{truth.name}: frame {lost[0]} has truth, but was not tracked ({len(lost)} such frames)")
        seen.update(sighting.name for number in truth.frames for sighting in found.frames[number])
    if not any(truth.boxes for _, truth in pairs):
        raise DataError("the truth has not one box in the tracked frames: there is nothing to score against")
    if not known:
        if len(seen) > 1:
            raise DataError(f"this truth knows no categories, but found were {', '.join(sorted(seen))}: choose one")
        return [_ANY]
    foreign = {name: count for name, count in seen.items() if name not in known}
    if foreign and len(foreign) == len(seen):
        raise DataError(
            f"found were {', '.join(sorted(foreign))}, but truth is of {', '.join(known)}: no name in common"
        )
    if foreign:
        left = ", ".join(f"{count} of {name}" for name, count in sorted(foreign.items()))
        log.warning("truth knows nothing of some categories, so these boxes are not scored: %s", left)
    return known


def _sequence(found: Tracks, truth: Tracks, category: str) -> dict[str, Any]:
    """What TrackEval calls the data of a sequence: ids from 0, and how much the boxes of each frame overlap."""
    pairs = [(_of(truth.frames[number], category), _of(found.frames[number], category)) for number in truth.frames]
    ids = [_from_zero(seen[side] for seen in pairs) for side in (0, 1)]
    return {
        "num_timesteps": len(pairs),
        "num_gt_ids": len(ids[0]),
        "num_tracker_ids": len(ids[1]),
        "num_gt_dets": sum(len(true) for true, _ in pairs),
        "num_tracker_dets": sum(len(seen) for _, seen in pairs),
        "gt_ids": [np.array([ids[0][one.track] for one in true], dtype=int) for true, _ in pairs],
        "tracker_ids": [np.array([ids[1][one.track] for one in seen], dtype=int) for _, seen in pairs],
        "similarity_scores": [1 - iou_cost(_boxes(true), _boxes(seen)) for true, seen in pairs],
    }


def _of(sightings: Sequence[Sighting], category: str) -> list[Sighting]:
    return [sighting for sighting in sightings if category in (_ANY, sighting.name)]


def _from_zero(frames: Any) -> dict[int, int]:
    return {track: i for i, track in enumerate(sorted({one.track for sightings in frames for one in sightings}))}


def _boxes(sightings: Sequence[Sighting]) -> Any:
    return np.array([sighting.box for sighting in sightings], dtype=float).reshape(-1, 4)


def _metrics() -> dict[str, Any]:
    try:
        from trackeval import metrics
    except ImportError as error:
        raise MissingExtraError("trackeval", EXTRA) from error
    quiet = {"PRINT_CONFIG": False}
    return {"HOTA": metrics.HOTA(), "Identity": metrics.Identity(quiet), "CLEAR": metrics.CLEAR(quiet)}


def _combined(metrics: Mapping[str, Any], cells: Sequence[Results]) -> Results:
    return {
        family: metric.combine_sequences({str(i): cell[family] for i, cell in enumerate(cells)})
        for family, metric in metrics.items()
    }


def _averaged(metrics: Mapping[str, Any], cells: Sequence[Results]) -> Results:
    return {
        family: metric.combine_classes_det_averaged({str(i): cell[family] for i, cell in enumerate(cells)})
        for family, metric in metrics.items()
    }


def _numbers(results: Results) -> dict[str, float | None]:
    """Of HOTA's arrays the mean over α."""
    means = {name: float(np.mean(results[family][field])) for name, (family, field) in NUMBERS.items()}
    return {name: int(mean) if name in COUNTS else mean for name, mean in means.items()}
