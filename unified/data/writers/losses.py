"""What a format cannot hold, in words: nothing is left out in silence."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from unified.data.annotations import Annotations
from unified.data.sample import Taxonomy
from unified.data.writers.writer import Splits
from unified.errors import DataError

_AREA = 1.0  # square pixels by which the area of an object may differ from that of its box

Counted = Callable[[Annotations], int]


def losses(splits: Splits, *kinds: tuple[str, Counted]) -> list[str]:
    """A line for each kind of which there is any: "12 identities"."""
    counts = ((what, sum(count(annotations) for annotations in splits.values())) for what, count in kinds)
    return [f"{count} {what}" for what, count in counts if count]


def _identities(annotations: Annotations) -> int:
    return int((annotations.rows.identities >= 0).sum())


def _crowds(annotations: Annotations) -> int:
    return int(annotations.rows.crowd.sum())


def _areas(annotations: Annotations) -> int:
    boxes = annotations.rows.boxes
    return int((np.abs((boxes[:, 2:] - boxes[:, :2]).prod(1) - annotations.rows.area) > _AREA).sum())


def _captions(annotations: Annotations) -> int:
    return 0 if annotations.captions is None else len(annotations.captions.sentences)


def _tags(annotations: Annotations) -> int:
    return 0 if annotations.tags is None else int(annotations.tags.known.sum())


def _videos(annotations: Annotations) -> int:
    return 0 if annotations.videos is None else len(annotations)


def new_ids(splits: Splits) -> list[str]:
    """A line where classes are counted anew from 0, as the splits share them."""
    taxonomy = next(iter(splits.values())).taxonomy
    kept = taxonomy.category_ids == tuple(range(len(taxonomy)))
    return [] if kept else [f"{len(taxonomy)} classes get other ids, counted from 0"]


IDENTITIES = ("objects lose their identity", _identities)
CROWDS = ("crowd regions are left out", _crowds)
AREAS = ("objects have another area than their box, which is left out", _areas)
CAPTIONS = ("captions are left out", _captions)
TAGS = ("pictures lose their tags", _tags)
VIDEOS = ("pictures lose the video and the frame number that they are", _videos)


def need_boxes(splits: Splits, format: str) -> None:
    """Raises DataError for a data set without boxes."""
    bare = [split for split, annotations in splits.items() if not annotations.boxed]
    if bare:
        raise DataError(
            f"{format} holds boxes, and the pictures of {', '.join(bare)} are not labelled with any. Tags go to csv, "
            "or one tag a picture to folders."
        )


def plain_names(taxonomy: Taxonomy, format: str, forbidden: Iterable[str] = ()) -> tuple[str, ...]:
    """The class names, where a format that knows classes by name can tell them apart. Raises DataError otherwise."""
    names = taxonomy.categories
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{format} knows classes by name, and {', '.join(map(repr, twice))} names more than one.")
    for name in names:
        bad = [mark for mark in ("\n", "\r", *forbidden) if mark in name]
        if bad or name != name.strip():
            raise DataError(f"{format} cannot hold the class name {name!r}; rename it first.")
    return names
