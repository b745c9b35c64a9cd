"""COCO box evaluation: precision and recall over ten IoU thresholds (cocodataset.org/#detection-eval).

Computed by faster-coco-eval where it is installed, else by pycocotools; both give the same numbers. None stands for
what the data leave undefined, for want of objects of that size or category.
"""

from __future__ import annotations

import contextlib
import importlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unified.errors import UnifiedError
from unified.task import Json

Backend = Literal["faster-coco-eval", "pycocotools"]
BACKENDS: tuple[Backend, ...] = ("faster-coco-eval", "pycocotools")  # in order of preference

# Positions in the evaluator's arrays.
AP50, AP75 = 0, 5  # of the IoU thresholds 0.50:0.05:0.95
SIZES = {"small": 1, "medium": 2, "large": 3}  # of the areas; 0 is all
DETECTIONS = {1: 0, 10: 1, 100: 2}  # of the most detections a picture and category
ALL, MOST = 0, 2

Row = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Arrays of the COCO evaluator; -1 is undefined.

    Letters: T IoU thresholds, R recalls, K categories by rising id, A areas, M most detections.
    """

    precision: NDArray[np.float64]  # (T, R, K, A, M)
    recall: NDArray[np.float64]  # (T, K, A, M)

    def numbers(self) -> dict[str, float | None]:
        """The twelve COCO numbers, in COCO's order."""
        precision, recall = self.precision, self.recall
        found = {
            "AP": precision[:, :, :, ALL, MOST],
            "AP50": precision[AP50, :, :, ALL, MOST],
            "AP75": precision[AP75, :, :, ALL, MOST],
        }
        found |= {f"AP_{size}": precision[:, :, :, a, MOST] for size, a in SIZES.items()}
        found |= {f"AR_{count}": recall[:, :, ALL, m] for count, m in DETECTIONS.items()}
        found |= {f"AR_{size}": recall[:, :, a, MOST] for size, a in SIZES.items()}
        return {name: _mean(values) for name, values in found.items()}

    def category(self, k: int) -> dict[str, float | None]:
        """AP, AP50 and AR_100 of the k-th category."""
        return {
            "AP": _mean(self.precision[:, :, k, ALL, MOST]),
            "AP50": _mean(self.precision[AP50, :, k, ALL, MOST]),
            "AR_100": _mean(self.recall[:, k, ALL, MOST]),
        }


def evaluate_boxes(
    image_ids: Sequence[int],
    annotations: Sequence[Row],
    category_ids: Sequence[int],
    detections: Sequence[Row],
    *,
    by_category: bool = True,
    backend: Backend | None = None,
) -> Evaluation:
    """Match `detections` (image_id, category_id, bbox xywh, score) to `annotations` (…, area, iscrowd).

    `by_category=False` matches boxes whatever their category (pycocotools' useCats = 0); then K = 1. Without `backend`
    the first that is installed.
    """
    # pycocotools reports on stdout, which belongs to the caller.
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = make_evaluator(image_ids, annotations, category_ids, detections, backend=backend)
        evaluator.params.useCats = int(by_category)
        evaluator.evaluate()
        evaluator.accumulate()
    return Evaluation(np.asarray(evaluator.eval["precision"]), np.asarray(evaluator.eval["recall"]))


def make_evaluator(
    image_ids: Sequence[int],
    annotations: Sequence[Row],
    category_ids: Sequence[int],
    detections: Sequence[Row],
    *,
    backend: Backend | None = None,
) -> Any:
    """The COCO evaluator of a backend over these boxes, before it has evaluated anything; it reports on stdout."""
    evaluator_class, coco_class = _api(backend)
    boxes = [row | {"area": row["bbox"][2] * row["bbox"][3], "iscrowd": 0} for row in detections]
    truth = _data_set(coco_class(), image_ids, annotations, category_ids)
    found = _data_set(coco_class(), image_ids, boxes, category_ids)
    return evaluator_class(truth, found, "bbox")


def _data_set(coco: Any, image_ids: Sequence[int], rows: Sequence[Row], category_ids: Sequence[int]) -> Any:
    coco.dataset = {
        "images": [{"id": i} for i in image_ids],
        "categories": [{"id": i} for i in category_ids],
        # From 1: the evaluators take a match with annotation 0 for no match.
        "annotations": [row | {"id": i} for i, row in enumerate(rows, start=1)],
    }
    coco.createIndex()
    return coco


def _api(backend: Backend | None) -> tuple[Any, Any]:
    """The evaluator class and the data set class of the first evaluator that is installed."""
    if backend != "pycocotools":
        with contextlib.suppress(ImportError):
            faster = importlib.import_module("faster_coco_eval")
            return faster.COCOeval_faster, faster.COCO
    if backend != "faster-coco-eval":
        with contextlib.suppress(ImportError):
            original = importlib.import_module("pycocotools.cocoeval"), importlib.import_module("pycocotools.coco")
            return original[0].COCOeval, original[1].COCO
    wanted = backend or " or ".join(BACKENDS)
    raise UnifiedError(f"COCO metrics need {wanted}; install it with: pip install {backend or BACKENDS[0]}")


def _mean(values: NDArray[np.float64]) -> float | None:
    defined = values[values > -1]
    return float(defined.mean()) if defined.size else None
