"""The averaged weights: what is evaluated, saved as `model.safetensors` and used for inference."""

from __future__ import annotations

import copy
import math
from collections.abc import Collection

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class Ema:
    """An exponential moving average of all floating-point state, batch-norm statistics included; the rest is copied.

    What its own evaluations fill, the keys `own` of the state dict, is left as it is.

    After t updates the decay is `decay · (1 − exp(−t / tau))`: young averages forget fast. `plan.py` fits both numbers
    to the length of the run.
    """

    def __init__(self, model: nn.Module, *, decay: float, tau: float, own: Collection[str] = ()) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self.tau = tau
        self.own = frozenset(own)
        self.updates = 0

    def decay_at(self, updates: int) -> float:
        """The decay of the `updates`-th update, counted from 1."""
        return self.decay * (1.0 - math.exp(-updates / self.tau))

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the weights after an optimiser step."""
        self.updates += 1
        values_now = model.state_dict()
        pairs = [(mean, values_now[key]) for key, mean in self.model.state_dict().items() if key not in self.own]
        averaged = [pair for pair in pairs if pair[0].is_floating_point()]
        if averaged:
            means, values = map(list, zip(*averaged, strict=True))
            # torch interpolates, mean + (1 − d)(value − mean): what never changes, as anchors, stays exact.
            average = get_ema_multi_avg_fn(self.decay_at(self.updates))
            average(means, values, self.updates)
        for mean, value in pairs:
            if not mean.is_floating_point():
                mean.copy_(value)
