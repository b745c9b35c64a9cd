"""Batches for training and evaluation, made by worker processes ahead of need."""

from __future__ import annotations

import shutil
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from unified.data.dataset import Dataset
from unified.data.kinship import Kinship
from unified.data.mix import Mix
from unified.data.parcel import Failure, Packer, Parcel, ignore_interrupts
from unified.data.pipeline import Draw, Pipeline
from unified.data.plan import WINDOW, epoch_order, plan_epoch, shard
from unified.data.sample import Batch
from unified.data.shelf import Shelf
from unified.data.workers import worker_context
from unified.errors import ConfigError, DataError

PREFETCH = 2  # batches a worker makes ahead
TIMEOUT = 300.0  # seconds without a batch after which the workers count as hanging

_NAMED = 16  # pictures in the message about a lost worker
_LOOK = 5.0  # seconds between two looks at whether the workers are alive
_SHARED_MEMORY = Path("/dev/shm")


class Loader:
    """The batches of a data set, epoch by epoch; workers live as long as the loader.

    `kinship` says which pictures should meet in a batch, `mix` in which ratio the parts of the data set take turns,
    `labels` which pictures may meet in a mosaic (see `plan_epoch`).
    The order of the pictures and all that is random about each follow from (seed, epoch, picture); only who meets whom
    in a mosaic also depends on the number of workers. Process `rank` of `ranks` gets its part of them. Iterating raises
    DataError for a picture that cannot be used, and for workers that die or give no batch for `timeout` seconds.
    """

    def __init__(
        self,
        dataset: Dataset,
        pipeline: Pipeline,
        *,
        batch: int,
        workers: int = 0,
        seed: int = 0,
        shuffle: bool = False,
        drop_last: bool = False,
        kinship: Kinship | None = None,
        mix: Mix | None = None,
        labels: NDArray[np.int64] | None = None,
        device_type: str = "cpu",
        timeout: float = TIMEOUT,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        if len(dataset) < ranks:
            raise DataError(f"{dataset.name}: {len(dataset)} pictures cannot be shared out to {ranks} processes")
        self.dataset = dataset
        self.pipeline = pipeline
        self.batch = batch
        self.shuffle = shuffle
        self.drop_last = drop_last
        self._kinship = kinship
        self._mix = mix
        self._labels = labels
        self._rank = rank
        self._ranks = ranks
        self._lanes = max(workers, 1)
        self._seed = seed
        self._timeout = timeout
        self._orders = _Orders()
        options: dict[str, Any] = {}
        if workers:
            _check_shared_memory(workers * (PREFETCH + 1) * batch * 3 * pipeline.size**2)
            options = {"prefetch_factor": PREFETCH, "persistent_workers": True, "timeout": min(_LOOK, timeout)}
            options |= {"multiprocessing_context": worker_context(), "worker_init_fn": ignore_interrupts}
        shelf = Shelf(dataset, pipeline.longest, capacity=WINDOW + batch if pipeline.partners else 0)
        self._parcels: DataLoader[Parcel | Failure] = DataLoader(
            Packer(shelf, pipeline),  # type: ignore[arg-type]
            sampler=self._orders,
            batch_size=None,
            num_workers=workers,
            pin_memory=device_type == "cuda",
            generator=torch.Generator(),  # or each epoch would draw from the global one, and a resumed run differ
            **options,
        )

    def __len__(self) -> int:
        """Batches in an epoch, on each process."""
        full, rest = divmod(len(self._own(np.arange(len(self.dataset)))), self.batch)
        return full + (rest > 0 and not self.drop_last)

    def epoch(self, epoch: int, start: int = 0, *, mosaic: bool = True) -> Iterator[Batch]:
        """The batches of an epoch, from number `start` on; with `mosaic=False` each sample shows one picture only."""
        self._orders.plan = plan_epoch(
            self._own(self._order(epoch)),
            batch=self.batch,
            lanes=self._lanes,
            partners=self.pipeline.partners if mosaic else 0,
            seed=self._seed,
            epoch=epoch,
            start=start,
            drop_last=self.drop_last,
            labels=self._labels,
        )
        parcels = iter(self._parcels)
        while (parcel := self._next(parcels)) is not None:
            if isinstance(parcel, Failure):
                raise DataError(parcel.message)
            yield parcel.batch(self.dataset.record)

    def _order(self, epoch: int) -> NDArray[np.int64]:
        options: dict[str, Any] = {"shuffle": self.shuffle, "kinship": self._kinship, "mix": self._mix}
        return epoch_order(len(self.dataset), seed=self._seed, epoch=epoch, **options)

    def _own(self, order: NDArray[np.int64]) -> NDArray[np.int64]:
        return shard(order, batch=self.batch, rank=self._rank, ranks=self._ranks)

    def _next(self, parcels: Iterator[Parcel | Failure]) -> Parcel | Failure | None:
        waited = 0.0
        while True:
            try:
                parcel = next(parcels, None)
            except (RuntimeError, OSError, EOFError) as fault:  # the last two: one died while it handed a batch over
                waited += _LOOK
                # A DataLoader stays usable only after its timeout, which is a plain RuntimeError.
                if "timed out" not in str(fault) or waited >= self._timeout:
                    raise self._lost(fault) from fault
            else:
                if parcel is not None:
                    self._orders.pending.popleft()
                return parcel

    def _lost(self, fault: Exception) -> DataError:
        pending = [str(self.dataset.record(draw.index).path) for draws in self._orders.pending for draw in draws]
        more = f" and {len(pending) - _NAMED} more" if len(pending) > _NAMED else ""
        return DataError(
            f"a loader worker died or hangs ({fault}). Being read were {', '.join(pending[:_NAMED])}{more}. "
            "Common causes: too little memory (try fewer workers or a smaller batch), a picture that crashes its "
            "decoder ('unified data check' finds it), a script without `if __name__ == '__main__':`. With workers=0 no "
            "process is needed."
        )


class _Orders:
    """What the workers are asked for: the plan of the epoch at hand, and the part of it that is not back yet."""

    def __init__(self) -> None:
        self.plan: Iterator[list[Draw]] = iter(())
        self.pending: deque[list[Draw]] = deque()

    def __iter__(self) -> Iterator[list[Draw]]:
        self.pending.clear()
        for draws in self.plan:
            self.pending.append(draws)
            yield draws


def _check_shared_memory(need: int) -> None:
    """Raises ConfigError where finished batches cannot fit: the alternative is a bare "Bus error"."""
    if sys.platform != "linux" or not _SHARED_MEMORY.is_dir():
        return
    free = shutil.disk_usage(_SHARED_MEMORY).free
    if free < need:
        raise ConfigError(
            f"{_SHARED_MEMORY} has {free / 2**20:.0f} MB free; the batches of the workers need {need / 2**20:.0f} MB. "
            "Enlarge it (docker run --shm-size=2g), or use fewer workers, a smaller batch or size, or workers=0."
        )
