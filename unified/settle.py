"""Settling: what a task measures on the training pictures with the weights as they are, before these are scored.

As torch's `update_bn` does for the norms of averaged weights: it depends on the weights and is not learnt by gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from unified.data.sample import Batch, network_input
from unified.model.multitask import MultiTaskModel
from unified.task import Target, Task
from unified.train.precision import Precision

PICTURES = 2000  # that are looked at, those of a small set several times, each time in another augmentation


@torch.no_grad()
def settle(model: MultiTaskModel, epoch: Callable[[int], Iterator[Batch]], precision: Precision) -> None:
    """Let those tasks of `model`, which is in eval mode, look that want to; `epoch(k)` gives the training batches."""
    for task in (model.task(name) for name in model.tasks):
        if task.settles:
            task.settle(_answers(model, task, epoch, precision))


def _answers(
    model: MultiTaskModel, task: Task, epoch: Callable[[int], Iterator[Batch]], precision: Precision
) -> Iterator[tuple[Tensor, Target]]:
    device = next(model.parameters()).device
    for batch in _enough(epoch):
        images = network_input(batch.images, device).contiguous(memory_format=precision.memory_format)
        with precision.autocast(device):
            raw = model(images)[task.name]
        target = task.encode([sample.seen_by(task.name) for sample in batch.samples])
        yield raw, {key: value.to(device) for key, value in target.items()}


def _enough(epoch: Callable[[int], Iterator[Batch]]) -> Iterator[Batch]:
    """Epoch after epoch, until `PICTURES` were shown."""
    shown = number = 0
    while shown < PICTURES:
        for batch in epoch(number):
            yield batch
            shown += len(batch.samples)
            if shown >= PICTURES:
                return
        number += 1
