"""Made-up scenes: boxes that move, with or without vectors, and what a model would say of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from unified.ops.canvas import Canvas
from unified.predict import Picture
from unified.task import Prediction
from unified.track import Detections, Sighting, Tracker, TrackerOptions

Place = tuple[float, float]  # the centre of an object; NaN = not in sight
SIZE = (20.0, 40.0)
AWAY = (float("nan"), float("nan"))


@dataclass(frozen=True, eq=False)
class Found:
    """The result of a task that finds boxes and describes them."""

    boxes: Tensor
    scores: Tensor
    labels: Tensor
    names: tuple[str, ...]
    vectors: Tensor | None = None

    def to_json(self) -> Any:
        return self.boxes.tolist()

    @classmethod
    def from_json(cls, data: Any) -> Found:
        raise NotImplementedError

    def to_coco(self, image_id: int | str) -> list[dict[str, Any]]:
        return []

    def draw(self, canvas: Canvas) -> None: ...


def prediction(boxes: Any, *, score: float = 0.9, name: str = "person", vectors: Any = None) -> Prediction:
    rows = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    n = len(rows)
    described = None if vectors is None else torch.tensor(np.array(vectors), dtype=torch.float32)
    found = Found(rows, torch.full((n,), score), torch.zeros(n, dtype=torch.int64), (name,) * n, described)
    return Prediction({"toy": found}, size=(100, 100))


@dataclass
class Toy:
    """A detector that says what it is told, picture after picture."""

    answers: Sequence[Prediction]
    asked: list[float] = field(default_factory=list)
    shown: int = 0

    def predict_many(self, pictures: Sequence[Picture], *, score: float) -> list[Prediction]:
        self.asked.append(score)
        self.shown += len(pictures)
        return list(self.answers[self.shown - len(pictures) : self.shown])


def box_at(place: Place, size: tuple[float, float] = SIZE) -> list[float]:
    (x, y), (w, h) = place, size
    return [x - w / 2, y - h / 2, x + w / 2, y + h / 2]


def look(index: int, dimension: int = 8) -> npt.NDArray[np.float64]:
    """What object `index` looks like: unit vectors at right angles to each other."""
    return np.eye(dimension)[index]


def detections(
    places: Sequence[Place],
    *,
    embedding: bool = False,
    scores: Sequence[float] | None = None,
    labels: Sequence[int] | None = None,
) -> Detections:
    """The objects in sight, in the order of `places`; object i looks like `look(i)`."""
    seen = [i for i, place in enumerate(places) if not np.isnan(place[0])]
    kinds = [labels[i] if labels else 0 for i in seen]
    return Detections(
        np.array([box_at(places[i]) for i in seen]).reshape(-1, 4),
        np.array([scores[i] if scores else 0.9 for i in seen], dtype=np.float64),
        np.array(kinds, dtype=np.int64),
        tuple(f"kind{kind}" for kind in kinds),
        np.array([look(i) for i in seen]).reshape(-1, 8) if embedding else None,
    )


def run(frames: Sequence[Detections], **options: Any) -> list[tuple[Sighting, ...]]:
    tracker = Tracker(TrackerOptions(**options))
    return [tracker.update(found) for found in frames]


def ids_at(sightings: Sequence[Sighting], places: Sequence[Place]) -> list[int]:
    """The number of the object found at each place in sight; 0 = none."""
    known = {tuple(np.round(sighting.box, 3)): sighting.track for sighting in sightings}
    return [known.get(tuple(np.round(box_at(place), 3)), 0) for place in places if not np.isnan(place[0])]


def write_frames(folder: Path, count: int, size: tuple[int, int] = (64, 48), first: int = 1) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        Image.new("RGB", size, (number * 9 % 256, 60, 90)).save(folder / f"{number:06d}.png")
    return folder
