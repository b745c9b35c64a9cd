"""What a mended copy of a split will hold: everything, until problems strike things out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unified.data.annotations import Annotations, Captions, Strings, Tags, Videos
from unified.data.checks.kinds import Fix
from unified.data.checks.split import Problem, Split
from unified.data.sample import Taxonomy


@dataclass(slots=True)
class Draft:
    """Which things of a split stay, and what of them changes."""

    split: Split
    pictures: NDArray[np.bool_]  # (pictures,) stays
    objects: NDArray[np.bool_]  # (N,)
    captions: NDArray[np.bool_]  # (sentences,)
    identities: NDArray[np.int64]  # (N,)
    area: NDArray[np.float64]  # (N,)
    rewritten: set[int] = field(default_factory=set)  # pictures to be written anew, upright
    unturned: set[int] = field(default_factory=set)  # pictures to be written anew, as stored

    @classmethod
    def of(cls, split: Split) -> Draft:
        annotations, rows = split.annotations, split.annotations.rows
        sentences = 0 if annotations.captions is None else len(annotations.captions.sentences)
        return cls(
            split,
            pictures=np.ones(len(annotations), dtype=np.bool_),
            objects=np.ones(len(rows), dtype=np.bool_),
            captions=np.ones(sentences, dtype=np.bool_),
            identities=rows.identities.copy(),
            area=rows.area.copy(),
        )

    def mend(self, problem: Problem) -> None:
        """Do what the problem's kind says."""
        i = problem.index
        match problem.kind.fix:
            case Fix.PICTURE_OUT:
                self.pictures[i] = False
            case Fix.OBJECT_OUT:
                self.objects[i] = False
            case Fix.CAPTION_OUT:
                self.captions[i] = False
            case Fix.IDENTITY_OUT:
                self.identities[i] = -1
            case Fix.AREA:
                self.area[i] = np.subtract(*self.split.annotations.rows.boxes[i].reshape(2, 2)[::-1]).prod()
            case Fix.REWRITTEN:
                self.rewritten.add(i)
            case Fix.UNTURNED:
                self.unturned.add(i)
            case _:
                pass  # the copy is free of it by being written, or it stays

    def annotations(self, taxonomy: Taxonomy, root: Path, names: Sequence[str]) -> Annotations:
        """What stays, with classes of the wider `taxonomy` and pictures called `names` under `root`."""
        old = self.split.annotations
        stays = np.flatnonzero(self.pictures)
        counts = np.diff(old.offsets)
        rows = self.objects & np.repeat(self.pictures, counts)
        owner = np.repeat(np.arange(len(old)), counts)[rows]
        place = [taxonomy.categories.index(name) for name in old.taxonomy.categories]
        kept = replace(old.rows, identities=self.identities, area=self.area)[rows]
        return Annotations(
            taxonomy=replace(taxonomy, identities=len(np.unique(kept.identities[kept.identities >= 0]))),
            image_ids=[old.image_ids[i] for i in stays.tolist()],
            root=root,
            files=Strings(names),
            sizes=old.sizes[stays],
            offsets=np.searchsorted(owner, [*stays, len(old)]),
            rows=replace(kept, categories=np.array(place, dtype=np.int64)[kept.categories]),
            captions=self._captions(stays),
            boxed=old.boxed,
            tags=self._tags(stays, place, len(taxonomy)),
            videos=None if old.videos is None else _frames(old.videos, stays),
        )

    def _captions(self, stays: NDArray[np.int64]) -> Captions | None:
        old = self.split.annotations.captions
        if old is None:
            return None
        spans = [range(*old.offsets[i : i + 2].tolist()) for i in stays.tolist()]
        several = [[old.sentences[k] for k in span if self.captions[k]] for span in spans]
        offsets = np.cumsum([0, *map(len, several)], dtype=np.int64)
        return Captions(offsets, Strings(sentence for sentences in several for sentence in sentences))

    def _tags(self, stays: NDArray[np.int64], place: Sequence[int], classes: int) -> Tags | None:
        old = self.split.annotations.tags
        if old is None:
            return None
        present = np.zeros((len(stays), classes), dtype=np.bool_)
        for k, new in enumerate(place):
            present[:, new] |= old.present[stays, k]
        return Tags(present, old.known[stays])


def unite(taxonomies: Sequence[Taxonomy]) -> Taxonomy:
    """One list of classes by name: that of the first, and what others have beside; ids are kept where they are free."""
    ids: dict[str, int] = {}
    for taxonomy in taxonomies:
        for name, number in zip(taxonomy.categories, taxonomy.category_ids, strict=True):
            if name not in ids:
                ids[name] = number if number not in ids.values() else max(ids.values()) + 1
    # Readers sort classes by id.
    names = sorted(ids, key=ids.__getitem__)
    return Taxonomy(tuple(names), tuple(ids[name] for name in names))


def _frames(videos: Videos, stays: NDArray[np.int64]) -> Videos:
    return Videos(Strings(videos.names[i] for i in stays.tolist()), videos.frames[stays])
