"""Several data sets as one: their pictures one after the other.

The classes are those of the first one that a task reads objects of. The others may list them in another order, but not
others, nor fewer: an object that one data set names and another passes over would be taught as background.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from unified.data.annotations import Annotations, Captions, Rows, Strings, Tags
from unified.data.audience import Audience
from unified.data.dataset import Dataset
from unified.data.sample import Taxonomy
from unified.errors import DataError

IDENTITIES = 2**40  # those of the k-th data set lie k times so far from those of the first, in every split alike


@dataclass(frozen=True, slots=True)
class Part:
    """One of them: the tasks that it is labelled for, and whether any of these reads its objects or tags."""

    dataset: Dataset
    tasks: Sequence[str]
    objects: bool = True


def join(parts: Mapping[str, Part], tasks: Sequence[str], split: str) -> Dataset:
    """The data sets by name, as one for `tasks`.

    Raises:
        DataError: their classes differ.
    """
    taxonomy = _taxonomy(parts)
    annotations = [
        _within(part.dataset.annotations, taxonomy, k) if part.objects else _without_objects(part.dataset.annotations)
        for k, part in enumerate(parts.values())
    ]
    return Dataset(
        " + ".join(part.dataset.name for part in parts.values()),
        split,
        _concatenated(annotations, taxonomy),
        audience=Audience.of_parts(tasks, [(len(part.dataset), part.tasks) for part in parts.values()]),
        parts={name: len(part.dataset) for name, part in parts.items()},
    )


def _taxonomy(parts: Mapping[str, Part]) -> Taxonomy:
    read = {name: part.dataset.taxonomy for name, part in parts.items() if part.objects}
    if not read:
        return Taxonomy((), ())
    first = next(iter(read))
    for name, taxonomy in read.items():
        if set(taxonomy.categories) != set(read[first].categories):
            raise DataError(_difference(first, read[first].categories, name, taxonomy.categories))
    return replace(read[first], identities=sum(taxonomy.identities for taxonomy in read.values()))


def _difference(first: str, ours: Sequence[str], other: str, theirs: Sequence[str]) -> str:
    lists = "\n".join(f"  {name} ({len(some)}): {', '.join(some)}" for name, some in ((first, ours), (other, theirs)))
    only = " only, ".join(
        f"{', '.join(sorted(set(a) - set(b))) or 'none'} in {name}"
        for name, a, b in ((first, ours, theirs), (other, theirs, ours))
    )
    return (
        f"the classes differ between the data sets {first} and {other}:\n{lists}\n  {only} only\n"
        "An object whose class one of them does not list would be taught as background. Give both the same categories, "
        f"or say in data.sources.{other}.tasks that it is labelled for tasks that do not look at objects, such as "
        "caption"
    )


def _within(annotations: Annotations, taxonomy: Taxonomy, k: int) -> Annotations:
    """The categories numbered as in `taxonomy`, the identities other ones than those of the data sets before."""
    rows, tags = annotations.rows, annotations.tags
    number = np.array([taxonomy.categories.index(name) for name in annotations.taxonomy.categories], dtype=np.int64)
    identities = np.where(rows.identities < 0, rows.identities, rows.identities + k * IDENTITIES)
    if tags is not None:
        present = np.zeros_like(tags.present)
        present[:, number] = tags.present
        tags = replace(tags, present=present)
    rows = replace(rows, categories=number[rows.categories], identities=identities)
    return replace(annotations, rows=rows, tags=tags)


def _without_objects(annotations: Annotations) -> Annotations:
    offsets = np.zeros_like(annotations.offsets)
    return replace(annotations, rows=annotations.rows[:0], offsets=offsets, boxed=False, tags=None)


def _concatenated(several: Sequence[Annotations], taxonomy: Taxonomy) -> Annotations:
    return Annotations(
        taxonomy=taxonomy,
        image_ids=[image_id for annotations in several for image_id in annotations.image_ids],
        root=several[0].root,
        files=Strings(str(annotations.path(i).absolute()) for annotations in several for i in range(len(annotations))),
        sizes=np.concatenate([annotations.sizes for annotations in several]),
        offsets=_offsets([annotations.offsets for annotations in several]),
        rows=Rows.concatenate([annotations.rows for annotations in several]),
        captions=_captions(several),
        notes=tuple(note for annotations in several for note in annotations.notes),
        boxed=any(annotations.boxed for annotations in several),
        unboxed=np.concatenate([np.full(len(annotations), not annotations.boxed) for annotations in several]),
        tags=_tags(several, len(taxonomy)),
    )


def _captions(several: Sequence[Annotations]) -> Captions | None:
    if all(annotations.captions is None for annotations in several):
        return None
    found = [a.captions or Captions(np.zeros(len(a) + 1, dtype=np.int64), Strings(())) for a in several]
    sentences = Strings(sentence for captions in found for sentence in captions.sentences)
    return Captions(_offsets([captions.offsets for captions in found]), sentences)


def _tags(several: Sequence[Annotations], categories: int) -> Tags | None:
    if all(annotations.tags is None for annotations in several):
        return None
    found = [a.tags or Tags(np.zeros((len(a), categories), dtype=bool), np.zeros(len(a), dtype=bool)) for a in several]
    return Tags(np.concatenate([tags.present for tags in found]), np.concatenate([tags.known for tags in found]))


def _offsets(several: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Those of each, behind those before."""
    ends = np.cumsum([0, *(offsets[-1] for offsets in several)])
    moved = [offsets[1:] + end for offsets, end in zip(several, ends[:-1], strict=True)]
    return np.concatenate([np.zeros(1, dtype=np.int64), *moved])
