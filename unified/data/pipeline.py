"""From a decoded picture to one network input: what every pipeline takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unified.data.annotations import Rows
from unified.data.sample import Labels, Record, Sample
from unified.data.shelf import Shelf
from unified.ops.frame import Frame


@dataclass(frozen=True, slots=True)
class Draw:
    """One sample to be made: which picture, with which others, and the seed of everything random about it."""

    index: int
    partners: tuple[int, ...] = ()
    seed: tuple[int, ...] = (0,)


@dataclass(frozen=True, slots=True)
class View:
    """A network input before it is made of tensors: cheap to send between processes, but for its picture."""

    picture: Tensor  # (size, size, 3) uint8 RGB
    rows: Rows  # boxes in pixels of the input
    captions: tuple[str, ...] | None
    frame: Frame | None  # None for a mosaic, which no single picture maps to
    tags: NDArray[np.bool_] | None = None  # (K,)
    tasks: frozenset[str] | None = None  # those that may learn from it; None = every task

    def sample(self, record: Record) -> Sample:
        image = self.picture.permute(2, 0, 1)
        return make_sample(image, self.rows, self.captions, self.frame, record, self.tags, self.tasks)


def make_sample(
    image: Tensor,
    rows: Rows,
    captions: tuple[str, ...] | None,
    frame: Frame | None,
    record: Record,
    tags: NDArray[np.bool_] | None = None,
    tasks: frozenset[str] | None = None,
) -> Sample:
    """A sample around `image` (3, H, W) uint8 RGB, which is not copied. Without objects where its record has none."""
    _, height, width = image.shape
    unlabelled = record.labels.objects is None
    labels = Labels(
        objects=None if unlabelled else rows.objects((height, width), torch.float32),
        tags=None if tags is None else torch.tensor(tags),
        captions=captions,
    )
    return Sample(image, labels, frame or Frame.identity((width, height)), record, tasks)


class Pipeline(Protocol):
    """Makes a view of each draw; the same one for the same draw."""

    @property
    def size(self) -> int:
        """Side of the input in pixels."""

    @property
    def partners(self) -> int:
        """How many other pictures a draw should name."""

    @property
    def longest(self) -> int | None:
        """Pixels of the longer side beyond which a picture holds nothing of use; None = every pixel counts."""

    def __call__(self, shelf: Shelf, draw: Draw) -> View: ...
