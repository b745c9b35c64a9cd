"""Losses of K independent yes/no decisions: binary cross-entropy, and the asymmetric loss of arXiv 2009.14119.

    p = σ(x)
    bce   L+ = -log p               L- = -log(1 - p)
    asl   L+ = -(1 - p)^γ+ log p    L- = -p_m^γ- log(1 - p_m),   p_m = max(p - m, 0)

The mean over the labelled pictures *and* the categories, so that the loss does not grow with their number (the
published asymmetric loss sums). In float32 at least, and finite with its gradient for every finite logit: log(1 - p)
in half precision is the known way to NaN.

Letters: B pictures, K categories.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from unified.ops.floats import at_least_float32
from unified.task import Target

TINY = 1e-8  # keeps the derivative of p^γ finite at p = 0 for γ < 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiLabelLoss:
    """(logits (B, K), target of `presence.encode`) → {kind: scalar}, {} when no picture is labelled."""

    kind: Literal["bce", "asl"]
    gamma_positive: float
    gamma_negative: float
    margin: float

    def __call__(self, logits: Tensor, target: Target) -> dict[str, Tensor]:
        labelled = target["labelled"]
        if not labelled.any():
            return {}
        with torch.autocast(logits.device.type, enabled=False):
            x, present = at_least_float32(logits)[labelled], target["present"][labelled]
            return {self.kind: self._decisions(x, present).mean()}

    def _decisions(self, x: Tensor, present: Tensor) -> Tensor:
        if self.kind == "bce":
            return F.binary_cross_entropy_with_logits(x, present.to(x.dtype), reduction="none")
        return asymmetric_loss(
            x, present, gamma_positive=self.gamma_positive, gamma_negative=self.gamma_negative, margin=self.margin
        )


def asymmetric_loss(
    x: Tensor, present: Tensor, *, gamma_positive: float, gamma_negative: float, margin: float
) -> Tensor:
    """The loss of each decision, in the shape of the logits `x`; `present` is bool.

    γ- > γ+ quietens the many easy negatives, and those with p < m do not count at all. The gradient flows through the
    focusing factors too, as in the paper's gradient analysis.
    """
    log_p, q = F.logsigmoid(x), torch.sigmoid(-x)
    # log(1 - p_m) = min(log(σ(-x) + m), 0): 1 - p as a difference would round to 0.
    log_margin = x.new_tensor(math.log(margin) if margin > 0 else -math.inf)
    log_q_m = torch.logaddexp(F.logsigmoid(-x), log_margin).clamp(max=0)
    p_m = torch.sigmoid(x) - margin
    positive = q.clamp(min=TINY) ** gamma_positive * log_p
    negative = p_m.clamp(min=TINY) ** gamma_negative * log_q_m
    return -torch.where(present, positive, negative)
