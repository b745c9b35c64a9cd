"""Settling: what a task measures on the training pictures with the weights as they are, before these are scored.

As torch's `update_bn` does for the norms of averaged weights: it depends on the weights and is not learnt by gradients.
The pictures are shown as those will be that the model is asked about, not augmented: augmented ones lie elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from unified.data.dataset import Dataset
from unified.data.sample import Batch, network_input
from unified.model.multitask import MultiTaskModel
from unified.task import Target, Task
from unified.train.precision import Precision

PICTURES = 2000  # that are looked at, at the most


def some_pictures(dataset: Dataset) -> Dataset:
    """Those to look at: all of a small data set, and of a large one the same random ones each time."""
    if len(dataset) <= PICTURES:
        return dataset
    return dataset.chosen(np.sort(np.random.default_rng(0).choice(len(dataset), PICTURES, replace=False)).tolist())


@torch.no_grad()
def settle(model: MultiTaskModel, pictures: Callable[[], Iterator[Batch]], precision: Precision) -> None:
    """Let those tasks of `model`, which is in eval mode, look that want to; `pictures()` gives what there is to see."""
    for task in (model.task(name) for name in model.tasks):
        if task.settled:
            task.settle(_answers(model, task, pictures(), precision))


def _answers(
    model: MultiTaskModel, task: Task, pictures: Iterator[Batch], precision: Precision
) -> Iterator[tuple[Tensor, Target]]:
    device = next(model.parameters()).device
    for batch in pictures:
        images = network_input(batch.images, device).contiguous(memory_format=precision.memory_format)
        with precision.autocast(device):
            raw = task(model.trunk(images))
        target = task.encode([sample.seen_by(task.name) for sample in batch.samples])
        yield raw, {key: value.to(device) for key, value in target.items()}
