"""What an index keeps beside a vector, and what a search gives back."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from unified.errors import DataError

LARGEST_IDENTITY = 2**63 - 1  # what databases store as an integer


@dataclass(frozen=True, slots=True)
class Entry:
    """What one vector shows. `box` is (x, y, w, h) in original pixels, None for the whole picture.

    `category` is a name, `identity` a track or person id, `score` the detector's confidence in the box.
    """

    image: str
    box: tuple[float, float, float, float] | None = None
    category: str | None = None
    identity: int | None = None
    score: float | None = None
    caption: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer: the entry's id, which is never given to another, and its similarity to the query in [-1, 1]."""

    id: int
    score: float
    entry: Entry

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "score": self.score, "entry": self.entry.to_json()}


def check(entry: Entry, place: int) -> None:
    """DataError when no database could give the entry back as it is; `place` is its number among those added."""
    numbers = [*(entry.box or ()), *([] if entry.score is None else [entry.score])]
    if entry.box is not None and len(entry.box) != 4:
        raise DataError(f"entry {place} ({entry.image!r}): a box is (x, y, w, h), got {entry.box}")
    if not all(math.isfinite(number) for number in numbers):
        raise DataError(f"entry {place} ({entry.image!r}): box {entry.box} and score {entry.score} must be finite")
    if entry.identity is not None and not -LARGEST_IDENTITY <= entry.identity <= LARGEST_IDENTITY:
        raise DataError(f"entry {place} ({entry.image!r}): identity {entry.identity} does not fit in 64 bits")
    for text in (entry.image, entry.category, entry.caption):
        try:
            (text or "").encode()
        except UnicodeEncodeError as error:
            raise DataError(f"entry {place} ({entry.image!r}): {text!r} is not valid Unicode; rename it") from error
