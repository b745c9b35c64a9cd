"""One batch's gradient: forward, joint loss, backward."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from unified.data.sample import Batch, network_input
from unified.model.multitask import MultiTaskModel
from unified.task import Target
from unified.train import rng
from unified.train.conflict import tapped
from unified.train.joint import JointLoss, JointOutcome
from unified.train.precision import Precision
from unified.train.ranks import ANCHOR
from unified.train.window import Window


@dataclass(slots=True)
class Differentiator:
    """Adds up gradients.

    Args:
        model: what is called, possibly wrapped in DistributedDataParallel.
        bare: the multi-task model itself.
        scale: what the joint loss is multiplied with before backward, `Plan.loss_scale`.
    """

    model: nn.Module
    bare: MultiTaskModel
    joint: JointLoss
    precision: Precision
    scale: float
    _last: tuple[Tensor, dict[str, Target], dict[str, Tensor], dict[str, Tensor]] | None = field(
        default=None, init=False
    )

    def __call__(self, batch: Batch, window: Window, *, progress: float, update: int, last: bool) -> None:
        """Add the gradient of `batch` to the parameters.

        `progress` is the fraction of the training that is done, `update` the number of updates that are; `last` says
        that the batch completes one.
        """
        targets = {task: self._target(task, batch) for task in self.joint.counting(progress, update)}
        if not targets:
            window.add({}, JointOutcome(None, {}, {}), batch)
            return
        images = self._images(batch)
        looks_back = self.joint.weighting.looks_back
        drawn, before = (rng.capture(), _buffers(self.bare)) if looks_back else ({}, {})
        look = last and self.joint.looks(update + 1)
        wanted = look or self.joint.weighting.needs_gradients
        tap: AbstractContextManager[Mapping[str, Tensor]] = tapped(self.bare.trunk) if wanted else nullcontext({})
        with tap as features:
            with self.precision.autocast(images.device):
                losses = dict(self.model(images, targets))
            anchor = losses.pop(ANCHOR, {}).get(ANCHOR, 0.0)
            labelled = _labelled(targets)
            outcome = self.joint(losses, progress, update=update, labelled=labelled, features=features, look=look)
            # The same on every rank: a loss that reaches no trainable weight is differentiated on none.
            if outcome.total is not None and any(self.bare.learns(task) for task in outcome.weights):
                (outcome.total * self.scale + anchor).backward()
        window.add(losses, outcome, batch)
        if looks_back:
            self._last = images, targets, drawn, before

    def end_update(self) -> None:
        """The optimiser has made its step."""
        if self._last is not None:
            images, targets, drawn, before = self._last
            with (
                torch.no_grad(),
                _with_buffers(self.bare, before),  # a memory of past vectors had not seen the batch itself
                rng.replayed(drawn),  # the same dropout, and the same choices, as in the first look
                self.precision.autocast(images.device),
            ):
                losses = self.bare(images, targets)
            self.joint.look_back(losses, _labelled(targets))
            self._last = None
        self.joint.end_update()

    def _images(self, batch: Batch) -> Tensor:
        device = next(self.bare.parameters()).device
        return network_input(batch.images, device).contiguous(memory_format=self.precision.memory_format)

    def _target(self, task: str, batch: Batch) -> Target:
        device = next(self.bare.parameters()).device
        target = self.bare.task(task).encode([sample.seen_by(task) for sample in batch.samples])
        return {key: value.to(device, non_blocking=True) for key, value in target.items()}


def _labelled(targets: Mapping[str, Target]) -> dict[str, Tensor]:
    return {task: target["labelled"] for task, target in targets.items()}


def _buffers(model: nn.Module) -> dict[str, Tensor]:
    return {name: buffer.clone() for name, buffer in model.named_buffers()}


@contextmanager
def _with_buffers(model: nn.Module, values: Mapping[str, Tensor]) -> Iterator[None]:
    """Buffers as they were before the first look: a second one is not a second picture of the data for them."""
    after = _buffers(model)
    for name, buffer in model.named_buffers():
        buffer.copy_(values[name])
    yield
    for name, buffer in model.named_buffers():
        buffer.copy_(after[name])
