"""The pooled head: one linear score per cell and category, pooled over each level and summed over the levels.

    s_l = im_l ⊙ (W_l (x_l + ia_l) + b_l)                          a map of category scores, the codes as in detection
    y   = Σ_l 1/r · log( mean over cells of exp(r · s_l) )         log-sum-exp pooling, arXiv 1411.6228

r, the sharpness, leads from the mean (r → 0: global average pooling and a linear layer, the usual classifier) to the
maximum (r → ∞). A small object fills one cell of thousands: a mean would drown it, while a maximum trains one cell a
picture. Scores are pooled, not features: so the codes stand around a 1×1 convolution and fold exactly.

Letters: B pictures, K categories, C H W channels and cells of a level.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from unified.model.code_spec import CodeSpec
from unified.model.implicit import ImplicitCode
from unified.model.places import CodedConv, codes_of
from unified.ops.floats import at_least_float32
from unified.task import Features

# Every cell of every level adds to one logit, so default weights shake the trunk some forty times harder at the start.
START_SIGMA = 0.01  # of the prediction convolutions of RetinaNet, arXiv 1708.02002


class PooledHead(nn.Module):
    """{"p3": (B, C, H, W), …} → logits (B, K)."""

    def __init__(
        self,
        channels: Mapping[str, int],
        categories: int,
        *,
        sharpness: float,
        align: CodeSpec | None,
        refine: CodeSpec | None,
    ) -> None:
        super().__init__()
        self.sharpness = sharpness
        self.predict = nn.ModuleDict()
        for level, width in channels.items():
            self.predict[level] = coded = CodedConv(
                width,
                categories,
                align=None if align is None else align.align(width),
                refine=None if refine is None else refine.refine(categories),
            )
            nn.init.normal_(coded.conv.weight, std=START_SIGMA)

    def forward(self, features: Features) -> Tensor:
        maps = (predict(features[level]) for level, predict in self.predict.items())
        return torch.stack([log_sum_exp_pool(scores, self.sharpness) for scores in maps]).sum(0)

    @torch.no_grad()
    def set_prior(self, logit: Tensor) -> None:
        """Let an unremarkable picture score `logit` (K,): an equal share in the bias of every level."""
        for predict in self.predict.values():
            assert isinstance(predict, CodedConv) and predict.conv.bias is not None
            predict.conv.bias.copy_(logit / len(self.predict))

    def codes(self) -> dict[str, ImplicitCode]:
        """{"align/p3": code, …, "refine/p3": code, …}; empty once folded."""
        return codes_of(self.predict)


def log_sum_exp_pool(scores: Tensor, sharpness: float) -> Tensor:
    """(B, K, H, W) → (B, K) in float32 or better: between the mean and the maximum over the cells."""
    cells = at_least_float32(scores).flatten(2)
    return (torch.logsumexp(sharpness * cells, dim=2) - math.log(cells.shape[2])) / sharpness
