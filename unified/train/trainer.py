"""The training loop.

Batches come from a loader, losses from the model, their sum from the joint loss, scores from a callable: the trainer
knows what a step is, and nothing of configs, data sets or tasks. Whatever it needs to go on after a stop is in
`TrainingState` and `Progress`; on a CPU a resumed training is equal to the bit to one that was never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from statistics import fmean
from typing import Protocol

import torch
from torch import nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from unified.data.sample import Batch
from unified.errors import DataError
from unified.model.multitask import MultiTaskModel
from unified.task import Scores, fitness, flatten
from unified.train import rng
from unified.train.checkpoint import BEST, LAST, Checkpoint, Progress
from unified.train.differentiate import Differentiator
from unified.train.ema import Ema
from unified.train.freezing import Freezing
from unified.train.interruption import Interruption, interruptible
from unified.train.joint import JointLoss
from unified.train.log import EpochRecord, Sink, StepRecord
from unified.train.optim import make_optimizer, rates
from unified.train.plan import Recipe, plan
from unified.train.precision import Precision
from unified.train.ranks import unwrapped
from unified.train.run import RunFolder
from unified.train.speed import Meter
from unified.train.state import TrainingState
from unified.train.window import Seen, Window

Evaluate = Callable[[MultiTaskModel], Mapping[str, Scores]]


class Loader(Protocol):
    """Batches that depend on the epoch and their place in it alone, so that an epoch can be entered anywhere."""

    batch_size: int

    def __len__(self) -> int:
        """Batches of an epoch."""

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of that epoch from batch `start` on, both counted from 0."""


class Trainer:
    """Trains `model`, which is on its device already, by `recipe`.

    Args:
        model: on its device and in its layout, possibly wrapped in DistributedDataParallel (`Ranks.wrapped`).
        evaluate: scores the averaged model; only the first process asks it.
        run: where to save; None = nowhere (every process but the first).
        sinks: who is told how it goes.
        freezing: which parts stand still when.
    """

    def __init__(
        self,
        model: nn.Module,
        joint: JointLoss,
        loader: Loader,
        evaluate: Evaluate,
        recipe: Recipe,
        *,
        precision: Precision,
        run: RunFolder | None = None,
        sinks: Sequence[Sink] = (),
        freezing: Freezing | None = None,
    ) -> None:
        self.device = next(model.parameters()).device
        self.model = model
        self.bare = unwrapped(model)
        self.joint = joint.to(self.device)
        self.loader = loader
        self.evaluate = evaluate
        self.recipe = recipe
        self.precision = precision
        self.run = run
        self.sinks = sinks
        self.freezing = freezing or Freezing(self.bare, {})
        self.ranks = joint.ranks
        self.plan = plan(recipe, batches=len(loader), batch=loader.batch_size * self.ranks.world)
        self.optimizer = make_optimizer(recipe, self.plan, self.bare, self.joint)
        ema = Ema(self.bare, decay=self.plan.ema_decay, tau=self.plan.ema_tau, own=self.bare.settled())
        self.state = TrainingState(self.bare, ema, self.joint, self.optimizer)
        self.progress = Progress(pictures=self.plan.batch)
        self.differentiator = Differentiator(self.model, self.bare, self.joint, precision, self.plan.loss_scale)
        self.meter = Meter(self.device)
        self.seed = torch.initial_seed()
        self.saved_at = time.monotonic()

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from `checkpoint`. The recipe may differ, in its epochs say: its curves are those of the new length.

        Within an epoch, in batches of another size, no picture is left out: up to a batch of them is shown once more.
        """
        self.state.restore(checkpoint)
        at, pictures = checkpoint.progress, self.plan.batch
        shown = at.batch * (at.pictures or pictures)
        self.progress = at.model_copy(update={"batch": shown // pictures, "pictures": pictures})

    def fit(self) -> Progress:
        """Train to the end of the recipe.

        KeyboardInterrupt after a signal, with `last` saved; NonFiniteLossError before a bad step; CheckpointError.
        """
        with ExitStack() as stack:
            interruption = stack.enter_context(interruptible())
            if self.run is not None:
                stack.enter_context(self.run.watched(lambda: self.progress))
                self.run.record_environment(self._facts())
            for sink in self.sinks:
                sink.start(self.plan, self.progress.step)
                stack.callback(sink.close)
            while not self._finished():
                try:
                    self._train_epoch(interruption)
                except DataError:
                    interruption.check()  # a signal to the whole process group ends the loader's workers, too
                    raise
                self._end_epoch(interruption)
                interruption.check()
        return self.progress

    def _facts(self) -> dict[str, object]:
        return {"device": str(self.device), "precision": self.precision.describe(), "plan": asdict(self.plan)}

    def _train_epoch(self, interruption: Interruption) -> None:
        """From where the training stands to the end of the epoch, or of the steps."""
        epoch, start = self.progress.epoch, self.progress.batch
        if start >= self.plan.batches:  # stopped just before the evaluation
            return
        self.model.train()
        self.meter.restart()
        window = Window()
        for index, batch in enumerate(self.meter.waiting(self.loader.epoch(epoch, start=start)), start=start):
            progress, last = self.plan.progress(epoch * self.plan.batches + index), self.plan.ends_update(index)
            if self.ranks.world > 1:  # draws of their own, which no checkpoint of the first process could hold
                rng.reseed(self.seed, epoch, index, self.ranks.rank)
            self.freezing.apply(progress)
            self.differentiator(batch, window, progress=progress, update=self.progress.step, last=last)
            self.meter.count(len(batch.samples) * self.ranks.world)
            if not last:
                continue
            self._update(index, window)
            window = Window()
            if self._out_of_steps():
                return
            if self.ranks.any(interruption.requested):  # never the other way: a signal may have come meanwhile
                interruption.requested = True
            if interruption.requested or self._save_is_due(index):
                self._save(LAST)
            interruption.check()
        if self.progress.batch < self.plan.batches:
            raise RuntimeError(f"the loader promised {self.plan.batches} batches and gave {self.progress.batch}")

    def _update(self, index: int, window: Window) -> None:
        """One optimiser step from the gradients of `window`, whose last batch is batch `index` of the epoch."""
        at = self.progress
        parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        norm = get_total_norm([parameter.grad for parameter in parameters if parameter.grad is not None])
        seen = window.read(norm)
        if not seen.finite:
            raise window.error(seen, f"epoch {at.epoch + 1}, update {at.step + 1}", self.bare)
        if seen.grad_norm > self.recipe.clip_norm:
            clip_grads_with_norm_(parameters, self.recipe.clip_norm, norm)
        now = rates(self.recipe, self.plan, at.epoch * self.plan.batches + index)
        now.apply(self.optimizer)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.differentiator.end_update()
        self.state.ema.update(self.bare)
        self.progress = advanced(at, index + 1, seen)
        record = StepRecord(
            epoch=at.epoch + 1,
            batch=index + 1,
            step=at.step + 1,
            loss=seen.loss,
            losses=seen.mean_losses(),
            weights=seen.mean_weights(),
            lr=now.lr,
            momentum=now.momentum,
            grad_norm=seen.grad_norm,
            speed=self.meter.read(),
            conflict=seen.conflict,
        )
        for sink in self.sinks:
            sink.step(record)

    def _end_epoch(self, interruption: Interruption) -> None:
        """Evaluate where it is due, report, save, and turn to the next epoch."""
        whole = self.progress.batch >= self.plan.batches  # else `max_steps` ends within the epoch
        if whole:
            self.joint.weighting.end_epoch()
        epochs = self.progress.epoch + int(whole)
        scores = self._scores(interruption) if self._evaluation_is_due(epochs) else {}
        value, better = self._judge(scores, epochs)
        at = self.progress
        means = {name: total / at.counts[name] for name, total in at.sums.items()}
        record = EpochRecord(at.epoch + 1, at.step, means, scores, value, better)
        for sink in self.sinks:
            sink.epoch(record)
        if whole:
            self.progress = at.model_copy(update={"epoch": epochs, "batch": 0, "sums": {}, "counts": {}})
        if epochs % self.recipe.checkpoint_every == 0 or self._finished() or interruption.requested:
            self._save(LAST)

    def _scores(self, interruption: Interruption) -> Mapping[str, Scores]:
        """Of the averaged model. An evaluation that fails or is interrupted does not cost the epoch."""
        states = rng.capture()
        try:
            with interruption.at_once():
                return self.ranks.of_first(lambda: self.evaluate(unwrapped(self.state.ema.model)))
        except BaseException:
            rng.restore(states)  # the resumed training will evaluate again
            self._save(LAST)
            raise

    def _judge(self, scores: Mapping[str, Scores], epochs: int) -> tuple[float | None, bool]:
        """Mean over the tasks of the averaged model's fitness, and whether it is the best so far; then it is saved."""
        at = self.progress
        if not scores:  # nothing to evaluate on
            return None, False
        value = fmean(fitness(self.bare.task(name), found) for name, found in scores.items())
        better = at.best is None or value > at.best
        news = {"best": value, "best_epoch": epochs, "stale": 0} if better else {"stale": epochs - at.best_epoch}
        self.progress = at.model_copy(update=news | {"scores": dict(flatten(scores))})
        if better:
            self._save(BEST)
        return value, better

    def _save(self, name: str) -> None:
        if self.run is None:
            return
        self.run.save(name, self.progress, self.state.weights(), self.state.rest() if name == LAST else {})
        self.run.write_status("running", self.progress)
        self.saved_at = time.monotonic()

    def _out_of_steps(self) -> bool:
        return self.recipe.max_steps is not None and self.progress.step >= self.recipe.max_steps

    def gave_up(self) -> bool:
        """Whether the training is over before its time, for want of a better score."""
        patience = self.recipe.patience
        return patience is not None and self.progress.stale >= patience and not self._at_the_end()

    def _at_the_end(self) -> bool:
        return self.progress.epoch >= self.recipe.epochs or self._out_of_steps()

    def _finished(self) -> bool:
        return self._at_the_end() or self.gave_up()

    def _evaluation_is_due(self, epochs: int) -> bool:
        every = self.recipe.evaluate_every
        return (every > 0 and epochs % every == 0) or epochs >= self.recipe.epochs or self._out_of_steps()

    def _save_is_due(self, index: int) -> bool:
        """Within an epoch; its end saves anyway."""
        if index + 1 == self.plan.batches:
            return False
        steps, seconds = self.recipe.checkpoint_steps, self.recipe.checkpoint_seconds
        by_steps = steps is not None and self.progress.step % steps == 0
        return by_steps or (seconds is not None and time.monotonic() - self.saved_at >= seconds)


def advanced(at: Progress, batch: int, seen: Seen) -> Progress:
    """`at` after one more update, that ends before batch `batch` of the epoch."""
    sums, counts = dict(at.sums), dict(at.counts)
    for losses in seen.losses:
        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + value
            counts[name] = counts.get(name, 0) + 1
    return at.model_copy(update={"batch": batch, "step": at.step + 1, "sums": sums, "counts": counts})
