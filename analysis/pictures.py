"""Some pictures of a run's data set, evenly spread over it, in batches as evaluation sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from unified.build import same_classes, validation_loader
from unified.build_data import open_data
from unified.data.sample import Batch
from unified.errors import DataError
from unified.ops.counted import counted

from .subject import Subject

Progress = Callable[[int, int], None]  # pictures done, pictures in all


def evenly(total: int, wanted: int) -> list[int]:
    """At most `wanted` of the indices 0..total-1, evenly spread; 0 = all."""
    if not wanted or wanted >= total:
        return list(range(total))
    return [i * total // wanted for i in range(wanted)]


def told(pictures: int, split: str) -> str:
    """ "1 picture of val" """
    return f"{counted(pictures, 'picture')} of {split}"


def some_pictures(subject: Subject, *, split: str, pictures: int) -> tuple[Iterator[Batch], int]:
    """Batches of at most `pictures` pictures (0 = all) of the subject's data set, and how many pictures they hold.

    Raises:
        ConfigError: no data set.
        DataError: the data set has other classes, or no picture.
    """
    config = subject.config
    whole = open_data(config, split)
    same_classes(whole.taxonomy, subject.taxonomy, "data set", "checkpoint")
    chosen = whole.chosen(evenly(len(whole), pictures))
    if not len(chosen):
        raise DataError(f"{whole.name}: the split {split!r} has no picture to look at")
    # In this process: some hundred pictures are read sooner than workers start.
    device = torch.device("cpu")
    loader = validation_loader(chosen, size=config.size, batch=config.train.batch, workers=0, device=device)
    return loader.epoch(0), len(chosen)
