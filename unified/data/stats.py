"""`unified data stats`: what a data set holds, in numbers, split by split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unified.data.annotations import Annotations
from unified.data.readers import Layout, OnError, find_layout, find_splits, read

SMALL, MEDIUM = 32.0**2, 96.0**2  # square pixels: COCO's limits of small and medium objects
_SHARES = (0.0, 0.1, 0.5, 0.9, 1.0)


@dataclass(frozen=True, slots=True)
class Spread:
    """How a number is spread: least, a tenth below, the middle, a tenth above, most, and the mean."""

    least: float
    low: float
    median: float
    high: float
    most: float
    mean: float

    @classmethod
    def of(cls, values: NDArray[Any]) -> Spread | None:
        """None of no values."""
        if not len(values):
            return None
        return cls(*(round(float(v), 4) for v in (*np.quantile(values, _SHARES), values.mean())))


@dataclass(frozen=True, slots=True)
class SplitStats:
    """Crowd regions are counted by `crowds` alone; sizes of boxes are square roots of their areas in pixels."""

    split: str
    layout: str
    pictures: int
    width: Spread | None
    height: Spread | None
    objects: int
    crowds: int
    without_objects: int
    objects_per_picture: Spread | None
    box_size: Spread | None
    box_share: Spread | None  # of the picture's side: square root of the area's share
    small: int
    medium: int
    large: int
    classes: dict[str, int]  # objects of each category
    pictures_with: dict[str, int]  # pictures that show each category, by objects or tags
    identities: int
    objects_per_identity: Spread | None
    captions: int
    words_per_caption: Spread | None
    tagged: int  # pictures with tags
    tags_per_picture: Spread | None


@dataclass(frozen=True, slots=True)
class Histograms:
    """The values behind a picture of a split."""

    split: str
    sizes: NDArray[np.float64]  # of boxes, pixels
    counts: NDArray[np.int64]  # objects of each picture
    pictures: NDArray[np.int64]  # (pictures, 2) width, height
    classes: dict[str, int]  # pictures that show each category


@dataclass(frozen=True, slots=True)
class Stats:
    """What was found in a data set."""

    path: str
    splits: tuple[SplitStats, ...]
    histograms: tuple[Histograms, ...]

    def to_json(self) -> dict[str, Any]:
        return {"path": self.path, "splits": [asdict(split) for split in self.splits]}

    def numbers(self) -> list[dict[str, Any]]:
        """A row a number, a column a split; numbers that no split has are left out."""
        rows = [
            *(_row(key, self.splits) for key in ("pictures", "objects", "crowds", "without_objects")),
            *(_row(key, self.splits) for key in ("small", "medium", "large", "identities", "captions", "tagged")),
            *(_spread_row(key, self.splits) for key in ("width", "height", "objects_per_picture", "box_size")),
            *(_spread_row(key, self.splits) for key in ("box_share", "objects_per_identity")),
            *(_spread_row(key, self.splits) for key in ("words_per_caption", "tags_per_picture")),
        ]
        return [row for row in rows if any(value for key, value in row.items() if key)]

    def classes(self) -> list[dict[str, Any]]:
        """A row a category: objects, and pictures that show it, of each split."""
        return [
            {"class": name}
            | {f"{split.split}, objects": split.classes.get(name, 0) for split in self.splits if split.objects}
            | {f"{split.split}, pictures": split.pictures_with.get(name, 0) for split in self.splits}
            for name in dict.fromkeys(name for split in self.splits for name in split.classes)
        ]


def stats(
    path: Path | str, split: str | None = None, *, format: str | None = None, on_error: OnError = "raise"
) -> Stats:
    """Count one split, or all of them. Raises DataError as `open_dataset` does."""
    root = Path(path)
    layouts: list[Layout] = list(find_splits(root, format)) if split is None else []
    if not layouts:
        layouts = [find_layout(root, split or "train", format)]
    read_in = [(layout, read(layout, on_error=on_error)) for layout in layouts]
    return Stats(
        str(root),
        tuple(_count(layout.split, layout.name, annotations) for layout, annotations in read_in),
        tuple(_histograms(layout.split, annotations) for layout, annotations in read_in),
    )


def _count(split: str, layout: str, annotations: Annotations) -> SplitStats:
    rows = annotations.rows[~annotations.rows.crowd]
    per_picture = _per_picture(annotations)
    sides = _sides(annotations)
    share = sides / np.sqrt(annotations.sizes.prod(1)[_pictures(annotations)[~annotations.rows.crowd]])
    known = rows.identities[rows.identities >= 0]
    sentences = [] if annotations.captions is None else list(annotations.captions.sentences)
    tags = annotations.tags
    tagged = np.zeros(0) if tags is None else tags.present[tags.known].sum(1)
    names = annotations.taxonomy.categories
    counts = np.bincount(rows.categories, minlength=len(names)).tolist()
    return SplitStats(
        split=split,
        layout=layout,
        pictures=len(annotations),
        width=Spread.of(annotations.sizes[:, 0]),
        height=Spread.of(annotations.sizes[:, 1]),
        objects=len(rows),
        crowds=int(annotations.rows.crowd.sum()),
        without_objects=int((np.diff(annotations.offsets) == 0).sum()) if annotations.boxed else 0,
        objects_per_picture=Spread.of(per_picture) if annotations.boxed else None,
        box_size=Spread.of(sides),
        box_share=Spread.of(share),
        small=int((rows.area < SMALL).sum()),
        medium=int(((rows.area >= SMALL) & (rows.area < MEDIUM)).sum()),
        large=int((rows.area >= MEDIUM).sum()),
        classes=dict(zip(names, counts, strict=True)),
        pictures_with=_pictures_with(annotations),
        identities=annotations.taxonomy.identities,
        objects_per_identity=Spread.of(np.unique(known, return_counts=True)[1]),
        captions=len(sentences),
        words_per_caption=Spread.of(np.array([len(sentence.split()) for sentence in sentences])),
        tagged=len(tagged),
        tags_per_picture=Spread.of(tagged),
    )


def _histograms(split: str, annotations: Annotations) -> Histograms:
    shown = _pictures_with(annotations)
    return Histograms(split, _sides(annotations), _per_picture(annotations), annotations.sizes, shown)


def _pictures(annotations: Annotations) -> NDArray[np.int64]:
    """(N,) the picture of each object."""
    return np.repeat(np.arange(len(annotations)), np.diff(annotations.offsets))


def _per_picture(annotations: Annotations) -> NDArray[np.int64]:
    """Objects of each picture, crowds left out."""
    return np.bincount(_pictures(annotations)[~annotations.rows.crowd], minlength=len(annotations))


def _sides(annotations: Annotations) -> NDArray[np.float64]:
    """The side of the square as large as each box, crowds left out."""
    boxes = annotations.rows.boxes[~annotations.rows.crowd]
    sides: NDArray[np.float64] = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(1))
    return sides


def _pictures_with(annotations: Annotations) -> dict[str, int]:
    shown = np.zeros((len(annotations), len(annotations.taxonomy)), dtype=np.bool_)
    shown[_pictures(annotations), annotations.rows.categories] = True
    if annotations.tags is not None:
        shown |= annotations.tags.present
    return dict(zip(annotations.taxonomy.categories, shown.sum(0).tolist(), strict=True))


def _row(key: str, splits: Sequence[SplitStats]) -> dict[str, Any]:
    return {"": key.replace("_", " ")} | {split.split: getattr(split, key) for split in splits}


def _spread_row(key: str, splits: Sequence[SplitStats]) -> dict[str, Any]:
    row: dict[str, Any] = {"": f"{key.replace('_', ' ')}: median (10 % – 90 %)"}
    for split in splits:
        found: Spread | None = getattr(split, key)
        row[split.split] = None if found is None else f"{found.median:.3g} ({found.low:.3g} – {found.high:.3g})"
    return row
