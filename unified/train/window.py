"""What went into one update: the losses of its batches, and whose pictures they were."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor, nn

from unified.data.sample import Batch
from unified.errors import NonFiniteLossError
from unified.train.joint import JointOutcome

SHOWN = 16  # names an error message lists before it says how many more there are


@dataclass(frozen=True, slots=True)
class Seen:
    """The numbers of one update on the CPU; lists have an entry a batch."""

    grad_norm: float
    totals: list[float | None]  # joint losses; None where nothing was labelled
    losses: list[dict[str, float]]  # {"detection/box": …}
    weights: list[dict[str, float]]  # {"detection": …}
    conflict: dict[str, float]  # `Conflict.numbers` of the last batch, where it was looked at

    @property
    def finite(self) -> bool:
        values = [value for found in (self.losses, self.weights) for batch in found for value in batch.values()]
        values += [total for total in self.totals if total is not None]
        return all(map(math.isfinite, [self.grad_norm, *values]))

    @property
    def loss(self) -> float | None:
        """Mean joint loss of the labelled batches."""
        labelled = [total for total in self.totals if total is not None]
        return fmean(labelled) if labelled else None

    def mean_losses(self) -> dict[str, float]:
        """Mean of each part over the batches that had labels for it."""
        return _means(self.losses)

    def mean_weights(self) -> dict[str, float]:
        """Mean weight of each task over the batches that it took part in."""
        return _means(self.weights)


class Window:
    """Collects batches until their update, so that the device is waited for once."""

    def __init__(self) -> None:
        self._losses: list[dict[str, Tensor]] = []
        self._outcomes: list[JointOutcome] = []
        self._pictures: list[list[str]] = []

    def add(self, losses: Mapping[str, Mapping[str, Tensor]], outcome: JointOutcome, batch: Batch) -> None:
        self._losses.append({f"{task}/{part}": loss for task, parts in losses.items() for part, loss in parts.items()})
        self._outcomes.append(outcome)
        self._pictures.append([str(sample.record.path) for sample in batch.samples])

    def read(self, grad_norm: Tensor) -> Seen:
        """Everything in one transfer from the device."""
        flat: list[Tensor | float] = [grad_norm]
        for losses, outcome in zip(self._losses, self._outcomes, strict=True):
            flat += [*losses.values(), *outcome.weights.values()]
            flat += [] if outcome.total is None else [outcome.total]
        device = grad_norm.device
        values = iter(torch.stack([torch.as_tensor(x, device=device).detach().float() for x in flat]).tolist())
        conflict = self._outcomes[-1].conflict
        seen = Seen(next(values), [], [], [], conflict.numbers() if conflict else {})
        for losses, outcome in zip(self._losses, self._outcomes, strict=True):
            seen.losses.append({name: next(values) for name in losses})
            seen.weights.append({task: next(values) for task in outcome.weights})
            seen.totals.append(None if outcome.total is None else next(values))
        return seen

    def error(self, seen: Seen, where: str, model: nn.Module) -> NonFiniteLossError:
        """What to raise when `seen` is not finite; `where` says at which step."""
        bad = [
            (index, name, value)
            for index, losses in enumerate(seen.losses)
            for name, value in losses.items()
            if not math.isfinite(value)
        ]
        if bad:
            what = ", ".join(dict.fromkeys(f"{name} = {value}" for _, name, value in bad))
            batches = sorted({index for index, _, _ in bad})
        elif odd := {task: w for batch in seen.weights for task, w in batch.items() if not math.isfinite(w)}:
            found = ", ".join(f"{task} = {weight}" for task, weight in odd.items())
            what = f"what joint.weighting gives the tasks, {found} (fixed weights would do)"
            batches = list(range(len(seen.losses)))
        else:
            names = [name for name, p in model.named_parameters() if p.grad is not None and not p.grad.isfinite().all()]
            what = f"the joint loss or its gradient, in {_shorten(names) or 'a learnt loss weight'}"
            batches = list(range(len(seen.losses)))
        pictures = [picture for index in batches for picture in self._pictures[index]]
        return NonFiniteLossError(
            f"{where}: not finite: {what}. Nothing was changed: the weights and the last checkpoint are as before. "
            f"Pictures: {_shorten(pictures)}. Look at their labels; if they are right, lower train.lr, or set "
            "train.precision=float32"
        )


def _means(batches: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for batch in batches for name in batch)
    return {name: fmean(batch[name] for batch in batches if name in batch) for name in names}


def _shorten(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
