"""Embeddings: what the task says about one picture."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unified.ops.canvas import Canvas
from unified.task import Json

DIGITS = 6  # of a component; a cosine is then good to 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """Vectors of length 1, D long, whose cosine says how alike two objects are; CPU tensors. Not hashable."""

    __hash__ = None  # type: ignore[assignment]
    image_vector: Tensor  # (D,) float32 of the whole picture
    vectors: Tensor  # (N, D) float32, row by row of the boxes found in the picture
    true_vectors: Tensor | None = None  # (M, D) float32, row by row of the labelled objects, where there are labels

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Embeddings) and self.to_json() == other.to_json()

    def to_json(self) -> dict[str, Json]:
        """{"image_vector": [D numbers], "vectors": [[D numbers], …]}; vectors of labelled objects are not told."""
        return {"image_vector": _numbers(self.image_vector), "vectors": _numbers(self.vectors)}

    @classmethod
    def from_json(cls, data: Json) -> Embeddings:
        image = torch.tensor(data["image_vector"], dtype=torch.float32)
        return cls(image, torch.tensor(data["vectors"], dtype=torch.float32).reshape(-1, len(image)))

    def to_coco(self, image_id: int | str) -> list[dict[str, Json]]:
        """Nothing: the format has no place for vectors."""
        return []

    def draw(self, canvas: Canvas) -> None:
        """Nothing: a vector has no picture; a contact sheet of its neighbours has (`unified query --sheet`)."""


def _numbers(vectors: Tensor) -> Json:
    return vectors.double().round(decimals=DIGITS).tolist()
