"""The loss: cross-entropy of every token of one reference, given the true tokens before it.

With label smoothing ε the target gives 1 - ε to the token and shares ε among all (arXiv 1512.00567). The mean over the
tokens of the labelled pictures' references, in float32.

Letters: B pictures, T tokens, V ids in use.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .target import NONE

CERTAIN = 10.0  # logit of a decoder without error over all others, which are 0


def cross_entropy(logits: Tensor, tokens: Tensor, *, label_smoothing: float) -> Tensor:
    """A scalar, from logits (B, T, V) and tokens (B, T), NONE where there is none."""
    with torch.autocast(logits.device.type, enabled=False):
        exact = logits.to(torch.promote_types(logits.dtype, torch.float32))
        return F.cross_entropy(
            exact.flatten(0, 1), tokens.flatten(), ignore_index=NONE, label_smoothing=label_smoothing
        )


def certain_logits(tokens: Tensor, ids: int) -> Tensor:
    """(B, T, V): what a decoder without error gives for `tokens` (B, T)."""
    return CERTAIN * F.one_hot(tokens.clamp(min=0), ids).float()


def probability(logits: Tensor, tokens: Tensor) -> Tensor:
    """(B,) in 0..1: the geometric mean of the probabilities of `tokens` (B, T); negative ones are none."""
    there = tokens >= 0
    each = logits.float().log_softmax(-1).gather(2, tokens.clamp(min=0).unsqueeze(2)).squeeze(2)
    return ((each * there).sum(1) / there.sum(1)).exp()
