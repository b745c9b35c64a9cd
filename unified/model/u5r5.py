"""Parts of the U5R5 baselines (YOLOv5 v5.0; Tables A1 and A2 of the paper), where they leave the YOLOR skeleton.

SPP sits inside the last backbone stage; the neck keeps each reduced map for its PAN; there are no head convolutions.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unified.model.blocks import Conv, DownConv, ReOrg, Style, pyramid_pool, units
from unified.model.neck import Features


class Focus(nn.Module):
    """The stem: space to depth, then a 3×3 convolution."""

    def __init__(self, c_in: int, c_out: int, *, style: Style) -> None:
        super().__init__()
        self.reorg = ReOrg()
        self.conv = Conv(4 * c_in, c_out, 3, style=style)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(self.reorg(x))
        return y


class C3(nn.Module):
    """CSP block with three 1×1 convolutions: units on one half-width branch, nothing on the other."""

    def __init__(self, c_in: int, c_out: int, depth: int, *, shortcut: bool, style: Style) -> None:
        super().__init__()
        h = c_out // 2
        self.main = Conv(c_in, h, style=style)
        self.short = Conv(c_in, h, style=style)
        self.units = units(depth, h, shortcut=shortcut, style=style)
        self.close = Conv(2 * h, c_out, style=style)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.close(torch.cat([self.units(self.main(x)), self.short(x)], dim=1))
        return y


class Spp(nn.Module):
    """Spatial pyramid pooling between two 1×1 convolutions; pools of k, 2k−1, 3k−2, smallest first."""

    def __init__(self, channels: int, *, k: Literal[3, 5], style: Style) -> None:
        super().__init__()
        self.reduce = Conv(channels, channels // 2, style=style)
        self.close = Conv(2 * channels, channels, style=style)
        self.k = k

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.close(torch.cat(pyramid_pool(self.reduce(x), self.k), dim=1))
        return y


class C3TopDown(nn.Module):
    """One FPN step: returns the block's output and the reduced coarser map, which the PAN needs again."""

    def __init__(self, c_above: int, c_lateral: int, width: int, depth: int, *, style: Style) -> None:
        super().__init__()
        self.reduce = Conv(c_above, width, style=style)
        self.c3 = C3(width + c_lateral, width, depth, shortcut=False, style=style)

    def forward(self, above: Tensor, lateral: Tensor) -> tuple[Tensor, Tensor]:
        reduced = self.reduce(above)
        up = F.interpolate(reduced, scale_factor=2.0, mode="nearest")
        return self.c3(torch.cat([up, lateral], dim=1)), reduced


class C3BottomUp(nn.Module):
    """One PAN step: the finer map, down-sampled at its own width, joins the reduced map of this level."""

    def __init__(self, c_below: int, width: int, depth: int, *, style: Style) -> None:
        super().__init__()
        self.down = DownConv(c_below, c_below, style=style)
        self.c3 = C3(2 * c_below, width, depth, shortcut=False, style=style)

    def forward(self, below: Tensor, reduced: Tensor) -> Tensor:
        y: Tensor = self.c3(torch.cat([self.down(below), reduced], dim=1))
        return y


class C3Neck(nn.Module):
    """Backbone maps → maps of the same levels, strides and `channels` (finest first)."""

    def __init__(self, channels: Mapping[str, int], depth: int, *, style: Style) -> None:
        super().__init__()
        steps = list(pairwise(channels))
        self.fpn = nn.ModuleDict()
        for level, above in reversed(steps):
            self.fpn[level] = C3TopDown(channels[above], channels[level], channels[level], depth, style=style)
        self.pan = nn.ModuleDict()
        for below, level in steps:
            self.pan[level] = C3BottomUp(channels[below], channels[level], depth, style=style)

    def forward(self, features: Features) -> Features:
        steps = list(pairwise(features))
        finest, *_, top = features
        x, reduced = features[top], {}
        for level, above in reversed(steps):
            x, reduced[above] = self.fpn[level](x, features[level])
        pan = {finest: x}
        for below, level in steps:
            pan[level] = self.pan[level](pan[below], reduced[level])
        return pan
