"""Detections: what the task says about one picture."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unified.data.sample import Taxonomy
from unified.ops.boxes import xyxy_to_xywh
from unified.ops.canvas import Canvas
from unified.ops.floats import shortest
from unified.task import Json

# Digits of a COCO results file, as the published code writes them.
BOX_DIGITS = 3
SCORE_DIGITS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """N boxes of one picture, best first; CPU tensors. Equal when every number is; not hashable."""

    __hash__ = None  # type: ignore[assignment]
    boxes: Tensor  # (N, 4) float32, xyxy in original pixels
    scores: Tensor  # (N,) float32, in [0, 1]
    labels: Tensor  # (N,) int64, 0..K-1
    names: tuple[str, ...]  # the category of each box …
    category_ids: tuple[int, ...]  # … and its id in the files

    @classmethod
    def of(cls, boxes: Tensor, scores: Tensor, labels: Tensor, taxonomy: Taxonomy) -> Detections:
        """From tensors on any device; names and ids are looked up."""
        classes = labels.tolist()
        names = tuple(taxonomy.categories[k] for k in classes)
        ids = tuple(taxonomy.category_ids[k] for k in classes)
        return cls(boxes.float().cpu(), scores.float().cpu(), labels.cpu(), names, ids)

    def __len__(self) -> int:
        return len(self.scores)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Detections):
            return NotImplemented
        mine, theirs = (self.names, self.category_ids), (other.names, other.category_ids)
        return mine == theirs and all(map(torch.equal, self._tensors(), other._tensors()))

    def _tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.boxes, self.scores, self.labels

    def to_json(self) -> Json:
        """[{"name", "score", "box": [x1, y1, x2, y2], "label", "category_id"}, …], in the fewest exact digits."""
        columns = (self.names, shortest(self.scores), shortest(self.boxes), self.labels.tolist(), self.category_ids)
        keys = ("name", "score", "box", "label", "category_id")
        return [dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)]

    @classmethod
    def from_json(cls, data: Json) -> Detections:
        return cls(
            torch.tensor([row["box"] for row in data], dtype=torch.float32).reshape(-1, 4),
            torch.tensor([row["score"] for row in data], dtype=torch.float32),
            torch.tensor([row["label"] for row in data], dtype=torch.int64),
            tuple(row["name"] for row in data),
            tuple(row["category_id"] for row in data),
        )

    def to_coco(self, image_id: int | str) -> list[dict[str, Json]]:
        """Entries of a COCO results file: "bbox" is xywh in original pixels."""
        boxes = xyxy_to_xywh(self.boxes.double()).tolist()
        return [
            {
                "image_id": image_id,
                "category_id": category_id,
                "bbox": [round(side, BOX_DIGITS) for side in box],
                "score": round(score, SCORE_DIGITS),
            }
            for category_id, box, score in zip(self.category_ids, boxes, self.scores.tolist(), strict=True)
        ]

    def draw(self, canvas: Canvas) -> None:
        """The best box last, so that it lies on top."""
        rows = zip(self.boxes.tolist(), self.names, self.scores.tolist(), self.labels.tolist(), strict=True)
        for (x1, y1, x2, y2), name, score, label in reversed(list(rows)):
            canvas.box(x1, y1, x2, y2, f"{name} {score:.2f}", label)
