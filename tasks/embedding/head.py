"""The head: a 1×1 convolution a level between its codes, and the sum of all levels on the finest grid.

    e = Σ_l up( im_l ⊙ (W_l (x_l + ia_l) + b_l) )        (B, D, H, W): one map, from which every box is read

A dense map, as in JDE (arXiv 1909.12605): one picture costs the same for one object and for a hundred. It is summed
over the levels since an embedding wants fine texture and wide context at once, whatever the size of the box.
With `hidden` channels a 3×3 convolution of the task's own stands before the codes, as in FairMOT (arXiv 2004.01888): a
trunk that finds objects by what their class shares has little room for what sets them apart.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unified.model.blocks import Conv, Style
from unified.model.code_spec import CodeSpec
from unified.model.implicit import ImplicitCode
from unified.model.places import CodedConv, codes_of
from unified.task import Features

STYLE = Style("D", "silu")


class Head(nn.Module):
    """{"p3": (B, C, H, W), …} → (B, D, H, W) on the grid of the first level."""

    def __init__(
        self,
        channels: Mapping[str, int],
        dimension: int,
        *,
        hidden: int,
        align: CodeSpec | None,
        refine: CodeSpec | None,
    ) -> None:
        super().__init__()
        self.own, self.embed = nn.ModuleDict(), nn.ModuleDict()
        for level, shared in channels.items():
            width = hidden or shared
            self.own[level] = Conv(shared, hidden, 3, style=STYLE) if hidden else nn.Identity()
            self.embed[level] = CodedConv(
                width,
                dimension,
                align=None if align is None else align.align(width),
                refine=None if refine is None else refine.refine(dimension),
            )

    def forward(self, features: Features) -> Tensor:
        maps: list[Tensor] = [embed(self.own[level](features[level])) for level, embed in self.embed.items()]
        finest = maps[0].shape[2:]
        return torch.stack([F.interpolate(each, size=finest) for each in maps]).sum(0)

    def codes(self) -> dict[str, ImplicitCode]:
        """{"align/p3": code, …, "refine/p3": code, …}; empty once folded."""
        return codes_of(self.embed)
