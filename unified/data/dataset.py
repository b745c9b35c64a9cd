"""A data set: pictures on disk and what is known of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from unified.data.annotations import Annotations
from unified.data.findings import counts
from unified.data.picture import open_picture
from unified.data.readers import OnError, find_layout, read
from unified.data.sample import Labels, Record, Taxonomy


class Dataset:
    """Picture i and its labels, for 0 <= i < len(dataset). Cheap to hand to worker processes."""

    def __init__(self, name: str, split: str, annotations: Annotations) -> None:
        self.name = name  # "coco-mini (COCO)": the folder, and the layout that was found in it
        self.split = split
        self.annotations = annotations

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
        objects = annotations.objects_of(i).objects((height, width), torch.float64) if annotations.boxed else None
        tags = annotations.tags_of(i)
        labels = Labels(
            objects=objects,
            tags=None if tags is None else torch.tensor(tags),
            captions=annotations.captions_of(i),
        )
        return Record(annotations.image_ids[i], annotations.path(i), (width, height), labels)

    def picture(self, i: int, at_least: int | None = None) -> Image.Image:
        """Picture i in RGB; `at_least` as in `open_picture`. Raises DataError if its size is not the annotated one."""
        annotations = self.annotations
        return open_picture(annotations.path(i), at_least=at_least, expected=annotations.size(i))

    def objects_by_category(self) -> dict[str, int]:
        """{category: number of objects}, crowds left out."""
        rows = self.annotations.rows
        counts = np.bincount(rows.categories[~rows.crowd], minlength=len(self.taxonomy))
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
        parts += [f"{n} x {kind}" for kind, n in counts(annotations.notes).items()]
        return ", ".join(parts)


def open_dataset(path: Path | str, split: str, *, on_error: OnError = "raise", format: str | None = None) -> Dataset:
    """The split of the data set in the folder `path`, in whichever known format it is, or in the one that is named.

    Raises DataError: no such split, or faults in the annotations (see `readers.read`, also for `on_error`).
    """
    root = Path(path)
    layout = find_layout(root, split, format)
    annotations = read(layout, on_error=on_error)
    return Dataset(f"{root.resolve().name} ({layout.name})", layout.split, annotations)
