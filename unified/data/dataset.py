"""A data set: pictures on disk and what is known of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from unified.data.annotations import Annotations
from unified.data.audience import Audience
from unified.data.findings import counts
from unified.data.picture import open_picture
from unified.data.readers import OnError, find_layout, read
from unified.data.sample import Labels, Record, Taxonomy
from unified.data.subset import subset


class Dataset:
    """Picture i and its labels, for 0 <= i < len(dataset). Cheap to hand to worker processes."""

    def __init__(
        self,
        name: str,
        split: str,
        annotations: Annotations,
        *,
        audience: Audience | None = None,
        parts: Mapping[str, int] | None = None,
    ) -> None:
        self.name = name  # "coco-mini (COCO)": the folder, and the layout that was found in it
        self.split = split
        self.annotations = annotations
        self.audience = audience  # which labels are for which tasks; None = all for all
        self.parts = parts or {name: len(annotations)}  # source → its pictures, which come one after the other

    def __len__(self) -> int:
        return len(self.annotations)

    @property
    def taxonomy(self) -> Taxonomy:
        return self.annotations.taxonomy

    def record(self, i: int) -> Record:
        """Picture i as the files describe it, boxes in original pixels; its file is not opened."""
        annotations = self.annotations
        width, height = annotations.size(i)
        # Where the files say nothing of objects, the picture is unlabelled for them, not empty.
        objects = annotations.objects_of(i).objects((height, width), torch.float64) if annotations.boxed_at(i) else None
        tags = annotations.tags_of(i)
        labels = Labels(
            objects=objects,
            tags=None if tags is None else torch.tensor(tags),
            captions=annotations.captions_of(i),
        )
        tasks = None if self.audience is None else self.audience.of(i)
        return Record(annotations.image_ids[i], annotations.path(i), (width, height), labels, tasks)

    def records(self, task: str) -> Records:
        """All of them, in order, as `task` sees them."""
        return Records(self, task)

    def tasks_of(self, i: int) -> frozenset[str] | None:
        """The tasks that the labels of picture i are for; None = every task."""
        return None if self.audience is None else self.audience.of(i)

    def meeting(self, without: Collection[str]) -> NDArray[np.int64] | None:
        """(pictures,) bits: a picture may meet in a mosaic those with all of its bits, and lose no label by it.

        They are of the tasks, but those of `without`, and of the kinds of labels; None = any may meet any.
        """
        if self.audience is None:
            return None
        annotations = self.annotations
        boxed = np.array([annotations.boxed_at(i) for i in range(len(self))])
        known = np.zeros(len(self), dtype=bool) if annotations.tags is None else annotations.tags.known
        return self.audience.codes(without) << 2 | boxed << 1 | known

    def limited(self, audience: Audience) -> Dataset:
        """The same pictures, with labels for the tasks of `audience` only."""
        return Dataset(self.name, self.split, self.annotations, audience=audience, parts=self.parts)

    def chosen(self, pictures: Sequence[int]) -> Dataset:
        """Those of its pictures, in this order, in which the sources come one after the other as before."""
        audience = None if self.audience is None else self.audience.chosen(pictures)
        ends = np.cumsum(list(self.parts.values()))
        left = np.bincount(np.searchsorted(ends, pictures, side="right"), minlength=len(ends))
        parts = dict(zip(self.parts, left.tolist(), strict=True))
        return Dataset(self.name, self.split, subset(self.annotations, pictures), audience=audience, parts=parts)

    def picture(self, i: int, at_least: int | None = None) -> Image.Image:
        """Picture i in RGB; `at_least` as in `open_picture`. Raises DataError if its size is not the annotated one."""
        annotations = self.annotations
        return open_picture(annotations.path(i), at_least=at_least, expected=annotations.size(i))

    def objects_by_category(self) -> dict[str, int]:
        """{category: number of objects}, crowds left out; where there are tags alone, {category: number of those}."""
        rows, tags = self.annotations.rows, self.annotations.tags
        counts = np.bincount(rows.categories[~rows.crowd], minlength=len(self.taxonomy))
        if tags is not None and not len(rows):
            counts = tags.present.sum(0)
        return dict(zip(self.taxonomy.categories, counts.tolist(), strict=True))

    def summary(self) -> str:
        """One line: what is in it."""
        annotations, rows = self.annotations, self.annotations.rows
        parts = [f"{self.name}, {self.split}: {len(self)} pictures"]
        if annotations.boxed:
            parts.append(f"{len(rows)} objects of {len(self.taxonomy)} classes")
            parts.append(f"{int((np.diff(annotations.offsets) == 0).sum())} pictures without objects")
        if annotations.tags is not None:
            tagged, known = int(annotations.tags.present.sum()), int(annotations.tags.known.sum())
            parts.append(f"{tagged} tags of {len(self.taxonomy)} classes on {known} pictures")
        if rows.crowd.any():
            parts.append(f"{int(rows.crowd.sum())} crowd regions")
        if self.taxonomy.identities:
            parts.append(f"{self.taxonomy.identities} identities")
        if annotations.captions is not None:
            parts.append(f"{len(annotations.captions.sentences)} captions")
        if self.audience is not None:
            parts += [f"labels for {task} of {n} pictures" for task, n in self.audience.counts().items()]
        parts += [f"{n} x {kind}" for kind, n in counts(annotations.notes).items()]
        return ", ".join(parts)


@dataclass(frozen=True)
class Records(Sequence[Record]):
    """The records of a data set as `task` sees them, each made when it is asked for: a task may ask for none."""

    dataset: Dataset
    task: str

    def __len__(self) -> int:
        return len(self.dataset)

    @overload
    def __getitem__(self, i: int) -> Record: ...
    @overload
    def __getitem__(self, i: slice) -> list[Record]: ...
    def __getitem__(self, i: int | slice) -> Record | list[Record]:
        if isinstance(i, slice):
            return [self[k] for k in range(*i.indices(len(self)))]
        if not 0 <= i < len(self):
            raise IndexError(i)
        return self.dataset.record(i).seen_by(self.task)


def open_dataset(path: Path | str, split: str, *, on_error: OnError = "raise", format: str | None = None) -> Dataset:
    """The split of the data set in the folder `path`, in whichever known format it is, or in the one that is named.

    Raises DataError: no such split, or faults in the annotations (see `readers.read`, also for `on_error`).
    """
    root = Path(path)
    layout = find_layout(root, split, format)
    annotations = read(layout, on_error=on_error)
    return Dataset(f"{root.resolve().name} ({layout.name})", layout.split, annotations)
