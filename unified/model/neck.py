"""The neck of the YOLOR trunks: CSPSPP on the coarsest map, FPN top-down, PAN bottom-up."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unified.model.blocks import Conv, Down, Style, down_sampling
from unified.model.csp import Csp2, CspSpp

Features = dict[str, Tensor]  # {"p3": (B, C3, H/8, W/8), "p4": …}, finest first


class TopDown(nn.Module):
    """One FPN step: the coarser map, reduced and enlarged ×2, joins the backbone's map (lateral first)."""

    def __init__(self, c_above: int, c_lateral: int, width: int, depth: int, *, style: Style) -> None:
        super().__init__()
        self.reduce = Conv(c_above, width, style=style)
        self.lateral = Conv(c_lateral, width, style=style)
        self.csp = Csp2(2 * width, width, depth, style=style)

    def forward(self, above: Tensor, lateral: Tensor) -> Tensor:
        up = F.interpolate(self.reduce(above), scale_factor=2.0, mode="nearest")
        y: Tensor = self.csp(torch.cat([self.lateral(lateral), up], dim=1))
        return y


class BottomUp(nn.Module):
    """One PAN step: the finer map, down-sampled, joins the FPN's map of this level (down-sampled first)."""

    def __init__(self, c_below: int, width: int, depth: int, *, down: Down, style: Style) -> None:
        super().__init__()
        self.down = down_sampling(down, c_below, width, style=style)
        self.csp = Csp2(2 * width, width, depth, style=style)

    def forward(self, below: Tensor, same: Tensor) -> Tensor:
        y: Tensor = self.csp(torch.cat([self.down(below), same], dim=1))
        return y


class Neck(nn.Module):
    """Backbone maps → maps of the same levels and strides, `widths[level]` channels wide.

    `channels` and `widths` map each level, finest first, to the channels that come in and go out.
    """

    def __init__(
        self,
        channels: Mapping[str, int],
        widths: Mapping[str, int],
        depth: int,
        *,
        down: Down = "conv",
        spp_tail: Literal[1, 2] = 1,
        style: Style,
    ) -> None:
        super().__init__()
        steps = list(pairwise(widths))
        *_, top = widths
        self.spp = CspSpp(channels[top], widths[top], tail=spp_tail, style=style)
        self.fpn = nn.ModuleDict()
        for level, above in reversed(steps):
            self.fpn[level] = TopDown(widths[above], channels[level], widths[level], depth, style=style)
        self.pan = nn.ModuleDict()
        for below, level in steps:
            self.pan[level] = BottomUp(widths[below], widths[level], depth, down=down, style=style)

    def forward(self, features: Features) -> Features:
        steps = list(pairwise(features))
        finest, *_, top = features
        fpn = {top: self.spp(features[top])}
        for level, above in reversed(steps):
            fpn[level] = self.fpn[level](fpn[above], features[level])
        pan = {finest: fpn[finest]}
        for below, level in steps:
            pan[level] = self.pan[level](pan[below], fpn[level])
        return pan
