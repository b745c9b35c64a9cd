"""The values that data and tasks speak: objects, labels, records, samples, batches.

Boxes are tv_tensors.BoundingBoxes in XYXY format, pixels. Categories are indices 0..K-1 into `Taxonomy.categories`;
the category ids of the files (with their gaps) appear only in readers and in COCO results.
A label that is `None` is *not given* for this picture; an empty one says that there is nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unified.ops.frame import Frame

if TYPE_CHECKING:
    from torchvision import tv_tensors


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """What the labels of a data set are about: class names, their ids in the files, number of train's identities."""

    categories: tuple[str, ...]
    category_ids: tuple[int, ...]
    identities: int = 0

    def __len__(self) -> int:
        return len(self.categories)


@dataclass(frozen=True, slots=True)
class Objects:
    """The N annotated objects of one picture, row by row."""

    boxes: tv_tensors.BoundingBoxes  # (N, 4) x1 y1 x2 y2; canvas_size = (height, width) of what they are drawn on
    categories: Tensor  # (N,) int64, 0..K-1
    identities: Tensor  # (N,) int64, negative = unknown
    crowd: Tensor  # (N,) bool: a region of many objects, to be ignored by training and by AP
    area: Tensor  # (N,) float, square pixels of the original picture (of the mask where there is one)
    instances: Tensor  # (N,) int64, the annotation's number in its data set, kept by augmentation; negative = none

    def __len__(self) -> int:
        return len(self.categories)

    def select(self, keep: Tensor, boxes: Tensor | None = None) -> Objects:
        """The rows `keep` (a mask or indices), with other boxes where given (already selected)."""
        from torchvision import tv_tensors

        rows = self.boxes[keep] if boxes is None else boxes
        wrapped = tv_tensors.wrap(rows.as_subclass(Tensor), like=self.boxes)
        others = (self.categories, self.identities, self.crowd, self.area, self.instances)
        return Objects(wrapped, *(column[keep] for column in others))

    @classmethod
    def make(
        cls,
        boxes: Tensor,
        categories: Tensor,
        canvas_size: tuple[int, int],
        *,
        identities: Tensor | None = None,
        crowd: Tensor | None = None,
        area: Tensor | None = None,
        instances: Tensor | None = None,
    ) -> Objects:
        """Objects from plain tensors; `canvas_size` is (height, width).

        Unless given, identities and instances are unknown, nothing is a crowd and area = w·h.
        """
        # Not at the top: torchvision reads half of torch's compiler, two seconds that a loader's worker can do without.
        from torchvision import tv_tensors

        boxes = boxes.reshape(-1, 4)
        n = len(boxes)
        wrapped = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=canvas_size)
        return cls(
            wrapped,
            categories.long().reshape(n),
            torch.full((n,), -1) if identities is None else identities.long(),
            torch.zeros(n, dtype=torch.bool) if crowd is None else crowd.bool(),
            (boxes[:, 2:] - boxes[:, :2]).prod(1) if area is None else area,
            torch.full((n,), -1) if instances is None else instances.long(),
        )

    @classmethod
    def none(cls, canvas_size: tuple[int, int]) -> Objects:
        """A picture that is known to hold no object."""
        return cls.make(torch.zeros(0, 4), torch.zeros(0), canvas_size)


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known of one picture; `None` = not labelled for that."""

    objects: Objects | None = None
    tags: Tensor | None = None  # (K,) bool: the categories present, from a label file
    captions: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One picture as its data set describes it; boxes in original pixels, float64, untouched by augmentation."""

    image_id: int | str
    path: Path
    size: tuple[int, int]  # width, height after EXIF rotation
    labels: Labels
    tasks: frozenset[str] | None = None  # those that the labels are for; None = every task

    def seen_by(self, task: str) -> Record:
        """The record as that task may see it: without labels where they are not for it."""
        return self if self.tasks is None or task in self.tasks else replace(self, labels=Labels())


@dataclass(frozen=True, slots=True)
class Sample:
    """One network input: `image` (3, H, W) uint8 RGB; `labels` in input pixels; `frame` maps original to input pixels.

    A mosaic has several records; its `record` is the one it was asked for, and its frame is the identity of the canvas.
    """

    image: Tensor
    labels: Labels
    frame: Frame
    record: Record
    tasks: frozenset[str] | None = None  # those that may learn from this input; None = every task

    def seen_by(self, task: str) -> Sample:
        """The sample as that task may see it: without labels, and with a record without them, where not for it."""
        labels = self.labels if self.tasks is None or task in self.tasks else Labels()
        record = self.record.seen_by(task)
        same = labels is self.labels and record is self.record
        return self if same else replace(self, labels=labels, record=record)


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples whose images share one size. `images` (B, 3, H, W) uint8 RGB; `samples` keep their labels and frames."""

    images: Tensor
    samples: Sequence[Sample]


def network_input(images: Tensor, device: torch.device) -> Tensor:
    """(B, 3, H, W) uint8 → float in [0, 1] on the device. The one place where pixels become numbers."""
    return images.to(device, non_blocking=True).float().div_(255)
