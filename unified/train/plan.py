"""How a recipe is fitted to the length of the run.

The published numbers are made for 300 epochs of COCO, half a million updates. Taken as they are on a small data set,
the warm-up of 1000 iterations outlasts the run, 64 pictures an update leave a few dozen updates, and the average of the
weights forgets either too fast or too slowly. `plan` keeps each number where the run is long enough for it and shortens
it where it is not; on the reference's own schedule it changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from unified.errors import DataError
from unified.ops.counted import counted

NOMINAL_BATCH = 64  # pictures an update in the reference
WARMUP_EPOCHS, WARMUP_ITERATIONS = 3.0, 1000  # the reference's warm-up: the longer of the two

# Ours, for runs shorter than the reference's.
MIN_UPDATES = 1000  # rather than fewer, batches are accumulated less
WARMUP_SHARE = 0.1  # of the run, at most
EMA_TAU_SHARE = 0.1  # of the run, within which the decay of the average rises


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to train. Defaults: the reference's (arXiv 2105.04206 and its released hyper-parameters) where it has one."""

    epochs: int = 300
    max_steps: int | None = None  # stop after that many optimiser updates

    optimizer: str = "sgd"  # a key of `optim.OPTIMIZERS`
    lr: float | None = None  # None: the optimiser's own, `optim.OPTIMIZERS`
    lr_final: float = 0.2  # fraction of `lr` that the cosine ends at
    momentum: float = 0.937
    weight_decay: float | None = None  # at the nominal batch; None: the optimiser's own
    clip_norm: float = float("inf")  # largest gradient norm; the reference does not clip

    nominal_batch: int | None = None  # pictures an update is accumulated to; None: 64, or less in a run too short

    warmup_epochs: float | None = None  # None: the reference's 3 epochs or 1000 batches, or less in a short run
    warmup_momentum: float = 0.8  # momentum starts here
    warmup_bias_lr: float | None = None  # the biases' rate starts here, the others' at 0; None: the optimiser's own

    ema_decay: float = 0.9999  # 0: no averaging
    ema_tau: float = 2000.0  # updates over which the decay rises
    ema_share: float = 0.05  # the average reaches back over at most this share of the run; ours

    loss_scale: float | None = None  # see `Plan.loss_scale`; None: the batch size

    evaluate_every: int = 1  # epochs; 0 = only at the end, which is always evaluated
    patience: int | None = None  # stop after that many epochs without a better score
    checkpoint_every: int = 1  # epochs between saves of `last`; the end is always saved
    checkpoint_steps: int | None = None  # and updates
    checkpoint_seconds: float | None = 600.0  # and by the clock, within long epochs


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The recipe's numbers for one run. An *iteration* is one batch, an *update* one optimiser step."""

    epochs: int  # begun
    batch: int  # pictures
    batches: int  # of an epoch
    iterations: int  # of the whole run
    updates: int  # of the whole run
    accumulate: int  # iterations an update
    warmup: int  # iterations
    update_share: float  # pictures of an update, as a share of the nominal batch
    ema_decay: float
    ema_tau: float

    # What the joint loss of one batch is multiplied with before backward(). The losses are means over pictures; the
    # reference multiplies them by the batch size and *sums* over the accumulated batches, so that its gradient is that
    # of a mean × 64 at the nominal batch, and lr = 0.01 belongs to it. The gradient shrinks with the pictures of an
    # update, and so does SGD's weight decay: the linear scaling rule, without touching lr.
    loss_scale: float

    def progress(self, iteration: int) -> float:
        """Fraction of the training done before that iteration, 0..1."""
        return min(iteration / self.iterations, 1.0)

    def ends_update(self, batch: int) -> bool:
        """Whether batch `batch` (from 0) of an epoch completes an update. An epoch's last batch always does."""
        return (batch + 1) % self.accumulate == 0 or batch + 1 == self.batches

    def describe(self) -> str:
        return (
            f"{counted(self.epochs, 'epoch')} of {counted(self.batches, 'batch', 'batches')} of {self.batch}: "
            f"{counted(self.updates, 'update')} of "
            f"{self.accumulate * self.batch} pictures, warm-up {self.warmup} batches, "
            f"weights averaged with decay {self.ema_decay:.5g} (tau {self.ema_tau:.4g})"
        )


def plan(recipe: Recipe, *, batches: int, batch: int) -> Plan:
    """Fit `recipe` to a loader of `batches` batches an epoch, of `batch` pictures. DataError when there is none."""
    if batches < 1:
        raise DataError("there is not one batch to train on: the training split has no pictures, or fewer than a batch")
    iterations = recipe.epochs * batches
    accumulate = _accumulate(recipe, iterations, batch)
    updates = recipe.epochs * -(-batches // accumulate)
    if recipe.max_steps is not None:
        whole, rest = divmod(recipe.max_steps, -(-batches // accumulate))  # an epoch's last update may be of fewer
        iterations = min(iterations, whole * batches + min(rest * accumulate, batches))
        updates = min(updates, recipe.max_steps)
    reach = max(recipe.ema_share * updates, 1.0)  # an average of decay d reaches back over 1 / (1 − d) updates
    return Plan(
        epochs=-(-iterations // batches),
        batch=batch,
        batches=batches,
        iterations=iterations,
        updates=updates,
        accumulate=accumulate,
        warmup=_warmup(recipe, iterations, batches),
        update_share=batch * accumulate / (recipe.nominal_batch or NOMINAL_BATCH),
        ema_decay=min(recipe.ema_decay, 1.0 - 1.0 / reach),
        ema_tau=min(recipe.ema_tau, max(EMA_TAU_SHARE * updates, 1.0)),
        loss_scale=float(batch) if recipe.loss_scale is None else recipe.loss_scale,
    )


def _accumulate(recipe: Recipe, iterations: int, batch: int) -> int:
    """Batches an update: up to the nominal batch; unless that was asked for, as long as MIN_UPDATES are left."""
    most = round((recipe.nominal_batch or NOMINAL_BATCH) / batch)
    if recipe.nominal_batch is None:
        most = min(most, iterations // MIN_UPDATES)
    return max(most, 1)


def _warmup(recipe: Recipe, iterations: int, batches: int) -> int:
    """Iterations of the warm-up."""
    if recipe.warmup_epochs is not None:
        return min(round(recipe.warmup_epochs * batches), iterations)
    return round(min(max(WARMUP_EPOCHS * batches, WARMUP_ITERATIONS), WARMUP_SHARE * iterations))
