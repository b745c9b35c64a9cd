"""What a tracker is given: the boxes found in one frame, checked, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from unified.errors import DataError
from unified.task import Prediction
from unified.track.kalman import Array, Mask


@dataclass(frozen=True, slots=True)
class Detections:
    """N boxes of one frame, row by row.

    Raises:
        DataError: lengths that differ, numbers that are not finite, boxes turned inside out, vectors of length 0.
    """

    boxes: Array  # (N, 4) xyxy in pixels of the frame
    scores: Array  # (N,) in 0..1
    labels: npt.NDArray[np.int64]  # (N,)
    names: tuple[str, ...]  # the category of each box
    vectors: Array | None = None  # (N, D) of length 1; None = the model has no embedding

    def __post_init__(self) -> None:
        n = len(self.boxes)
        lengths = {"scores": len(self.scores), "labels": len(self.labels), "names": len(self.names)}
        if self.vectors is not None:
            lengths["vectors"] = len(self.vectors)
        for part, length in lengths.items():
            if length != n:
                raise DataError(f"there are {n} boxes, but {length} {part}; allowed: one a box")
        self._refuse(~np.isfinite(self.boxes).all(1), "box", self.boxes, "finite numbers x1, y1, x2, y2")
        self._refuse((self.boxes[:, 2:] < self.boxes[:, :2]).any(1), "box", self.boxes, "x1 <= x2 and y1 <= y2")
        self._refuse(~((self.scores >= 0) & (self.scores <= 1)), "score", self.scores, "0 to 1")
        if self.vectors is not None:
            norms = np.linalg.norm(self.vectors, axis=1)
            self._refuse(~(np.isfinite(norms) & (norms > 0)), "length of vector", norms, "finite numbers, not all zero")
            object.__setattr__(self, "vectors", self.vectors / norms[:, None])  # half precision rounds lengths

    def __len__(self) -> int:
        return len(self.boxes)

    def select(self, keep: Mask) -> Detections:
        """The rows where `keep` is true."""
        names = tuple(name for name, kept in zip(self.names, keep, strict=True) if kept)
        vectors = None if self.vectors is None else self.vectors[keep]
        return Detections(self.boxes[keep], self.scores[keep], self.labels[keep], names, vectors)

    @classmethod
    def of(cls, prediction: Prediction, *, embedding: bool = True) -> Detections:
        """From a prediction: its `boxes`, `scores`, `labels` and `names`; its `vectors` where it has them.

        Raises:
            DataError: no task, or several, found boxes; several give vectors; or as for the class.
        """
        vectors = _field(prediction, "vectors") if embedding else None
        return cls(
            _numbers(_needed(prediction, "boxes")).reshape(-1, 4),
            _numbers(_needed(prediction, "scores")),
            np.asarray(_needed(prediction, "labels"), dtype=np.int64),
            tuple(_needed(prediction, "names")),
            None if vectors is None else _numbers(vectors),
        )

    def _refuse(self, wrong: Any, what: str, values: Array, allowed: str) -> None:
        if wrong.any():
            row = int(wrong.argmax())
            raise DataError(f"{what} {row + 1} of {len(self)} is {values[row].tolist()}; allowed: {allowed}")


def _needed(prediction: Prediction, name: str) -> Any:
    value = _field(prediction, name)
    if value is None:
        tasks = ", ".join(prediction.results) or "none"
        raise DataError(f"the model finds no boxes to follow: none of its tasks gives {name!r} (tasks: {tasks})")
    return value


def _field(prediction: Prediction, name: str) -> Any:
    """A field of whichever task's result has it; None where none has."""
    owners = [
        task for task, result in prediction.results.items() if name in getattr(result, "__dataclass_fields__", ())
    ]
    if len(owners) > 1:
        raise DataError(f"several tasks give {name!r}: {', '.join(owners)}; a tracker needs one")
    return getattr(prediction.results[owners[0]], name) if owners else None


def _numbers(values: Any) -> Array:
    return np.asarray(values, dtype=np.float64)
