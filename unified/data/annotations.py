"""Annotations of a whole data set in a few flat arrays.

COCO has 860 000 boxes and 600 000 captions; as Python objects they would weigh gigabytes, once for every loader worker.
Here the rows of picture i are `offsets[i]:offsets[i + 1]` of each array.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import overload

import numpy as np
import torch
from numpy.typing import NDArray

from unified.data.findings import Finding
from unified.data.sample import Objects, Taxonomy


@dataclass(frozen=True, slots=True)
class Rows:
    """Annotated objects, row by row: what `sample.Objects` holds, in numpy, for the loader's workers."""

    boxes: NDArray[np.float64]  # (N, 4) x1 y1 x2 y2, pixels
    categories: NDArray[np.int64]  # (N,) index into the taxonomy
    identities: NDArray[np.int64]  # (N,) negative = unknown
    crowd: NDArray[np.bool_]  # (N,)
    area: NDArray[np.float64]  # (N,) square pixels of the original picture
    instances: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))  # (N,) negative = unknown

    def __post_init__(self) -> None:
        if len(self.instances) != len(self.boxes):
            # A byte a row: those of a whole data set are not kept, but told by `Annotations.objects_of`.
            object.__setattr__(self, "instances", np.full(len(self.boxes), -1, dtype=np.int8))

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, rows: slice | NDArray[np.bool_] | NDArray[np.int64]) -> Rows:
        return Rows(*(getattr(self, column.name)[rows] for column in fields(self)))

    def at(self, boxes: NDArray[np.float64]) -> Rows:
        """The same objects in other places."""
        return replace(self, boxes=boxes)

    def objects(self, canvas_size: tuple[int, int], dtype: torch.dtype) -> Objects:
        """As tensors of their own; `canvas_size` is (height, width)."""
        return Objects.make(
            torch.tensor(self.boxes, dtype=dtype),
            torch.tensor(self.categories),
            canvas_size,
            identities=torch.tensor(self.identities),
            crowd=torch.tensor(self.crowd),
            area=torch.tensor(self.area, dtype=dtype),
            instances=torch.tensor(self.instances),
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Rows]) -> Rows:
        return cls(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(cls)))


class Strings(Sequence[str]):
    """An immutable list of strings in one block of UTF-8."""

    def __init__(self, strings: Iterable[str]) -> None:
        encoded = [string.encode("utf-8", "surrogatepass") for string in strings]
        self._bytes = b"".join(encoded)
        self._ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, i: int) -> str: ...
    @overload
    def __getitem__(self, i: slice) -> list[str]: ...
    def __getitem__(self, i: int | slice) -> str | list[str]:
        if isinstance(i, slice):
            return [self[j] for j in range(*i.indices(len(self)))]
        if not 0 <= i < len(self):
            raise IndexError(i)
        return self._bytes[self._ends[i] : self._ends[i + 1]].decode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Captions:
    """Sentences about pictures; picture i has `sentences[offsets[i]:offsets[i + 1]]`."""

    offsets: NDArray[np.int64]
    sentences: Strings

    def __getitem__(self, i: int) -> tuple[str, ...]:
        return tuple(self.sentences[int(self.offsets[i]) : int(self.offsets[i + 1])])


@dataclass(frozen=True, slots=True)
class Tags:
    """Which categories pictures show, as a label file says."""

    present: NDArray[np.bool_]  # (pictures, K)
    known: NDArray[np.bool_]  # (pictures,) False: nothing was said of this picture

    def __getitem__(self, i: int) -> NDArray[np.bool_] | None:
        return self.present[i] if self.known[i] else None


@dataclass(frozen=True, slots=True)
class Videos:
    """Which frames of which videos the pictures are."""

    names: Strings  # one a picture
    frames: NDArray[np.int64]  # (pictures,) as the files count


@dataclass(frozen=True, slots=True)
class Annotations:
    """Everything an annotation file says, checked. Boxes in original pixels, clipped to their pictures."""

    taxonomy: Taxonomy  # `identities` counts the distinct ones; the rows keep the ids of the file
    image_ids: Sequence[int | str]
    root: Path  # what `files` are relative to
    files: Strings
    sizes: NDArray[np.int64]  # (pictures, 2) width, height
    offsets: NDArray[np.int64]  # (pictures + 1,)
    rows: Rows
    captions: Captions | None = None
    notes: tuple[Finding, ...] = ()  # what was clipped, and what was dropped where dropping was asked for
    boxed: bool = True  # False: the files say nothing of objects, and `rows` is empty for want of labels
    unboxed: NDArray[np.bool_] | None = None  # (pictures,) of data sets put together: those of files that say nothing
    tags: Tags | None = None
    videos: Videos | None = None  # None unless all pictures are frames

    def __len__(self) -> int:
        return len(self.files)

    @property
    def labelled(self) -> bool:
        """There is something to learn from: an object, a caption or a tag."""
        tagged = self.tags is not None and bool(self.tags.known.any())
        return tagged or len(self.rows) > 0 or self.captions is not None

    def path(self, i: int) -> Path:
        return self.root / self.files[i]

    def size(self, i: int) -> tuple[int, int]:
        """(width, height) in pixels."""
        width, height = self.sizes[i].tolist()
        return width, height

    def objects_of(self, i: int) -> Rows:
        first, end = self.offsets[i : i + 2].tolist()
        return replace(self.rows[first:end], instances=np.arange(first, end))

    def captions_of(self, i: int) -> tuple[str, ...] | None:
        """The picture's captions; `None` where it has none, since a caption file does not say "nothing to see"."""
        return (self.captions[i] or None) if self.captions is not None else None

    def boxed_at(self, i: int) -> bool:
        """Whether the files say what objects the picture shows."""
        return self.boxed and (self.unboxed is None or not self.unboxed[i])

    def tags_of(self, i: int) -> NDArray[np.bool_] | None:
        """(K,) the categories that the label file says are there; `None` where it says nothing of the picture."""
        return None if self.tags is None else self.tags[i]
