"""What travels from a loader's worker to the trainer: one tensor of pictures, and small arrays.

Tensors cross process borders as shared memory, each with a file handle of its own: one is cheap, a hundred are not.
"""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import get_worker_info

from unified.data.annotations import Rows
from unified.data.pipeline import Draw, Pipeline, make_sample
from unified.data.sample import Batch, Record
from unified.data.shelf import Shelf
from unified.errors import DataError
from unified.ops.frame import Frame

# Picture number; objects, captions, frame, tags and tasks of its view.
_Label = tuple[int, Rows, tuple[str, ...] | None, Frame | None, NDArray[np.bool_] | None, frozenset[str] | None]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A batch on its way."""

    images: Tensor  # (B, 3, H, W) uint8, channels last in memory
    labels: Sequence[_Label]

    def pin_memory(self) -> Parcel:
        """Called by DataLoader where batches go to a CUDA device."""
        return Parcel(self.images.pin_memory(), self.labels)

    def batch(self, record: Callable[[int], Record]) -> Batch:
        samples = [
            make_sample(image, rows, captions, frame, record(index), tags, tasks)
            for image, (index, rows, captions, frame, tags, tasks) in zip(self.images, self.labels, strict=True)
        ]
        return Batch(self.images, samples)


@dataclass(frozen=True, slots=True)
class Failure:
    """A DataError met in a worker, to be raised in the main process."""

    message: str


class Packer:
    """Makes parcels of draws. Lives in a worker, where it keeps decoded pictures from batch to batch."""

    def __init__(self, shelf: Shelf, pipeline: Pipeline) -> None:
        self._shelf = shelf
        self._pipeline = pipeline

    def __getitem__(self, draws: Sequence[Draw]) -> Parcel | Failure:
        side = self._pipeline.size
        # Filled pixel by pixel, as pictures come; convolutions want the same order.
        pixels = _uninitialised((len(draws), side, side, 3))
        labels = []
        try:
            for image, draw in zip(pixels, draws, strict=True):
                view = self._pipeline(self._shelf, draw)
                image[:] = view.picture
                labels.append((draw.index, view.rows, view.captions, view.frame, view.tags, view.tasks))
        except DataError as fault:
            return Failure(str(fault))
        return Parcel(pixels.permute(0, 3, 1, 2), labels)


def ignore_interrupts(worker: int) -> None:
    """What a worker does first. Ctrl-C reaches all processes of a terminal: what follows is the main one's decision."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _uninitialised(shape: tuple[int, ...]) -> Tensor:
    """Room for bytes; in a worker in shared memory from the start, as `default_collate` does, which saves a copy."""
    if get_worker_info() is None:
        return torch.empty(shape, dtype=torch.uint8)
    storage: torch.UntypedStorage = torch.UntypedStorage._new_shared(math.prod(shape))
    return torch.empty(0, dtype=torch.uint8).set_(storage).view(shape)
