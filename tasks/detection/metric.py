"""The metric of detection: the twelve COCO numbers, and AP, AP50 and AR_100 of every category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from unified.data.sample import Objects, Sample, Taxonomy
from unified.ops.boxes import xyxy_to_xywh
from unified.task import Prediction, Scores, bootstrap_counts

from .coco_eval import AP50, Evaluation, Row, evaluate_boxes
from .resample import average_precisions, match_boxes


class CocoMetric:
    """Scores `task`'s detections against the records, in original pixels; pictures without box labels are left out."""

    def __init__(self, task: str, taxonomy: Taxonomy) -> None:
        self._task = task
        self._category_ids = taxonomy.category_ids
        self._categories = dict(zip(taxonomy.category_ids, taxonomy.categories, strict=True))
        self._annotations: list[Row] = []
        self._detections: list[Row] = []
        self._images = 0

    def update(self, predictions: Sequence[Prediction], samples: Sequence[Sample]) -> None:
        for prediction, sample in zip(predictions, samples, strict=True):
            objects = sample.record.labels.objects
            if objects is None:
                continue
            # Counted, because ids of pictures may be strings and may repeat over several data sets.
            self._images += 1
            self._annotations += self._truth(objects)
            self._detections += prediction.results[self._task].to_coco(self._images)

    def compute(self) -> Scores:
        image_ids = range(1, self._images + 1)
        evaluation = evaluate_boxes(image_ids, self._annotations, self._category_ids, self._detections)
        rows = category_rows(evaluation, self._categories, self._annotations)
        return Scores(evaluation.numbers(), {"per_category": rows})

    def resampled(self, draws: int, *, seed: int) -> dict[str, NDArray[np.float64]]:
        """AP and AP50 of each resample; see `unified.task.Resampled`. Boxes are matched once, pictures counted anew."""
        matches = match_boxes(range(1, self._images + 1), self._annotations, self._category_ids, self._detections)
        ap = average_precisions(matches, bootstrap_counts(self._images, draws, seed))
        return {"AP": ap.mean(1), "AP50": ap[:, AP50]}

    def _truth(self, objects: Objects) -> list[Row]:
        boxes = xyxy_to_xywh(objects.boxes.double()).tolist()
        columns = zip(boxes, objects.categories.tolist(), objects.area.tolist(), objects.crowd.tolist(), strict=True)
        return [
            {
                "image_id": self._images,
                "category_id": self._category_ids[category],
                "bbox": box,
                "area": area,
                "iscrowd": int(crowd),
            }
            for box, category, area, crowd in columns
        ]


def category_rows(evaluation: Evaluation, categories: Mapping[int, str], annotations: Sequence[Row]) -> list[Row]:
    """One row a category, by id; `ground_truths` counts its objects without crowds."""
    counts = dict.fromkeys(categories, 0)
    for row in annotations:
        counts[row["category_id"]] += not row["iscrowd"]
    return [
        {"category_id": id, "category": categories[id], **evaluation.category(k), "ground_truths": counts[id]}
        for k, id in enumerate(sorted(categories))
    ]
