"""The tracker: boxes of one frame after the other → which of them are the same object.

    predict where each object is                                  kalman.py
    1. confident boxes × confirmed and lost objects               embedding within the motion gate, then IoU
    2. unsure boxes × objects in sight until now                  IoU
    3. confident boxes left × objects not yet confirmed           embedding within the motion gate, then IoU
    what is left: confident boxes begin objects, objects are lost

as in JDE (arXiv 1909.12605), with the unsure boxes of ByteTrack (2110.06864, algorithm 1). All within one class.
Without embeddings IoU decides alone. Unlike in JDE, IoU may also find lost objects again, as long as box and object do
not look wholly unlike: an embedding that is weak, or of an object half hidden, then costs nothing against boxes alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np

from unified.errors import DataError
from unified.track import kalman
from unified.track.associate import Rows, appearance_cost, iou_cost, match, within_classes
from unified.track.detections import Detections
from unified.track.kalman import Array, State, squared_mahalanobis
from unified.track.options import TrackerOptions
from unified.track.tracks import Sighting

# Of a sighting, as in COCO result files: float32 has no more to say.
BOX_DIGITS = 3
SCORE_DIGITS = 5


class Status(Enum):
    """How far an object is trusted. Removed ones are forgotten: a number is never given twice."""

    TENTATIVE = "tentative"  # seen, but not often enough to count
    TRACKED = "tracked"  # seen in the last step
    LOST = "lost"  # counted once, not seen now


@dataclass(slots=True)
class _Object:
    state: State  # of one object
    label: int
    vector: Array | None  # (D,) of length 1: a moving average of what it looked like
    status: Status = Status.TENTATIVE
    track: int = 0  # given when it first counts
    hits: int = 1  # steps in which it was seen
    missed: int = 0  # steps since


_Cost = Callable[[list[_Object], Rows], Array]


class Tracker:
    """Follows the objects of one sequence; a new sequence needs a new one."""

    def __init__(self, options: TrackerOptions | None = None) -> None:
        self.options = options or TrackerOptions()
        self._objects: list[_Object] = []
        self._steps = 0
        self._numbers = 0
        self._dimension: int | None = None  # of the embedding; 0 = without

    def update(self, found: Detections) -> tuple[Sighting, ...]:
        """The next frame's boxes → those that belong to an object that counts, in the order of its number.

        Boxes and scores come out as they were found, rounded.

        Raises:
            DataError: embeddings come, go or change their size.
        """
        self._check_dimension(found)
        self._predict()
        step = _Step(found, self.options)
        confirmed = [known for known in self._objects if known.status is not Status.TENTATIVE]
        tentative = [known for known in self._objects if known.status is Status.TENTATIVE]
        sure = np.flatnonzero(found.scores >= self.options.score)
        unsure = np.flatnonzero((found.scores >= self.options.low_score) & (found.scores < self.options.score))
        missing, sure = step.look_for(confirmed, sure)
        still = [known for known in missing if known.status is Status.TRACKED]
        step.assign(still, unsure, step.overlap, 1 - self.options.min_iou, learn=False)
        _, sure = step.look_for(tentative, sure)
        self._age(step)
        for row in sure.tolist():
            step.boxes_of[row] = self._begin(found, row)
        self._steps += 1
        seen = [(known, row) for row, known in step.boxes_of.items() if known.status is Status.TRACKED]
        return tuple(_sighting(known.track, found, row) for known, row in sorted(seen, key=lambda pair: pair[0].track))

    def _check_dimension(self, found: Detections) -> None:
        if not len(found):
            return  # an empty frame may come without vectors
        dimension = 0 if found.vectors is None else found.vectors.shape[1]
        if self._dimension not in (None, dimension):
            raise DataError(f"embeddings have {dimension} numbers here and had {self._dimension} in the frames before")
        self._dimension = dimension

    def _predict(self) -> None:
        seen = np.array([known.missed == 0 for known in self._objects], dtype=bool)
        ahead = kalman.predict(State.stack([known.state for known in self._objects]), seen)
        for i, known in enumerate(self._objects):
            known.state = ahead[i : i + 1]

    def _age(self, step: _Step) -> None:
        """Counts who was seen and who was not; forgets who was away too long, or never counted."""
        seen = {id(known) for known in step.boxes_of.values()}
        for known in self._objects:
            if id(known) in seen:
                known.hits, known.missed = known.hits + 1, 0
                self._confirm(known)
            else:
                known.missed += 1
                if known.status is Status.TRACKED:
                    known.status = Status.LOST
        self._objects = [known for known in self._objects if known.missed <= self._patience(known)]

    def _patience(self, known: _Object) -> int:
        return 0 if known.status is Status.TENTATIVE else self.options.max_lost

    def _confirm(self, known: _Object) -> None:
        # In the first frame nothing could have been seen before, so its objects count at once.
        if known.track or known.hits >= self.options.confirm or not self._steps:
            known.status = Status.TRACKED
        if known.status is Status.TRACKED and not known.track:
            self._numbers += 1
            known.track = self._numbers

    def _begin(self, found: Detections, row: int) -> _Object:
        vector = None if found.vectors is None else found.vectors[row]
        born = _Object(kalman.begin(found.boxes[row : row + 1]), int(found.labels[row]), vector)
        self._confirm(born)
        self._objects.append(born)
        return born


class _Step:
    """The associations of one frame; `boxes_of` collects which row of the detections is which object."""

    def __init__(self, found: Detections, options: TrackerOptions) -> None:
        self.found = found
        self.options = options
        self.boxes_of: dict[int, _Object] = {}

    def look_for(self, known: list[_Object], rows: Rows) -> tuple[list[_Object], Rows]:
        """Confident boxes for these objects; gives back the objects and the rows that found no partner."""
        if self.found.vectors is not None:
            known, rows = self.assign(known, rows, self.appearance, self.options.max_distance)
            return self.assign(known, rows, self.overlap_of_alike, 1 - self.options.min_iou)
        return self.assign(known, rows, self.overlap, 1 - self.options.min_iou)

    def assign(
        self, known: list[_Object], rows: Rows, cost: _Cost, limit: float, *, learn: bool = True
    ) -> tuple[list[_Object], Rows]:
        """One association; the objects that got a box learn where they are, and with `learn` what they look like.

        An unsure box shows its object half hidden: that is not how to remember it.
        """
        if not known or not len(rows):
            return known, rows
        labels = np.array([one.label for one in known])
        i, j = match(within_classes(cost(known, rows), labels, self.found.labels[rows]), limit)
        corrected = kalman.update(State.stack([known[k].state for k in i]), self.found.boxes[rows[j]])
        for n, (k, row) in enumerate(zip(i, rows[j], strict=True)):
            one = known[k]
            self.boxes_of[int(row)] = one
            one.state = corrected[n : n + 1]
            if learn and self.found.vectors is not None and one.vector is not None:
                one.vector = _blend(one.vector, self.found.vectors[row], self.options.embedding_momentum)
        taken = set(i.tolist())
        return [one for k, one in enumerate(known) if k not in taken], np.delete(rows, j)

    def overlap(self, known: list[_Object], rows: Rows) -> Array:
        return iou_cost(State.stack([one.state for one in known]).boxes(), self.found.boxes[rows])

    def overlap_of_alike(self, known: list[_Object], rows: Rows) -> Array:
        return np.where(self._cosine_distance(known, rows) < self.options.unlike, self.overlap(known, rows), np.inf)

    def appearance(self, known: list[_Object], rows: Rows) -> Array:
        motion = squared_mahalanobis(State.stack([one.state for one in known]), self.found.boxes[rows])
        weight, gate = self.options.embedding_weight, self.options.gate
        return appearance_cost(self._cosine_distance(known, rows), motion, weight=weight, gate=gate)

    def _cosine_distance(self, known: list[_Object], rows: Rows) -> Array:
        if self.found.vectors is None:
            raise ValueError("appearance is asked of boxes without vectors")
        vectors = np.stack([one.vector for one in known if one.vector is not None])
        distances: Array = 1 - vectors @ self.found.vectors[rows].T
        return distances


def _blend(old: Array, new: Array, momentum: float) -> Array:
    """The moving average of JDE, brought back to length 1."""
    mixed = momentum * old + (1 - momentum) * new
    length = float(np.linalg.norm(mixed))
    return mixed / length if length else new  # opposite vectors may cancel out


def _sighting(track: int, found: Detections, row: int) -> Sighting:
    x1, y1, x2, y2 = found.boxes[row].round(BOX_DIGITS).tolist()
    return Sighting(track, (x1, y1, x2, y2), round(float(found.scores[row]), SCORE_DIGITS), found.names[row])
