"""Elementary blocks of the YOLOR trunks (arXiv 2105.04206, Figures A1 and A2), in both dialects of the published code.

The authors' two code bases build blocks of the same names that are different functions:

    D  darknet cfg: the short branch of a CSP block has its own BN and activation; BN eps 1e-4; SPP: largest pool first
    T  torch yaml:  that branch is a bare 1×1 convolution, one BN and activation follow the concatenation; BN eps 1e-3;
                    SPP: smallest pool first

Weights of one dialect do not fit the other, and the paper's parameter counts mix both (`unified.model.paper`).
Letters: B batch, C channels, H W rows and columns.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unified.model.convolution import Convolution
from unified.model.fold import fold_norm

Activation = Literal["mish", "silu"]
Dialect = Literal["D", "T"]
Down = Literal["conv", "csp"]
Shuffle = Literal["reorg", "dwt"]

BN_EPS: dict[Dialect, float] = {"D": 1e-4, "T": 1e-3}
BN_MOMENTUM = 0.03  # of every published configuration


@dataclass(frozen=True, slots=True)
class Style:
    """What all blocks of a trunk share: the dialect, and Mish (YOLOv4 models) or SiLU (YOLOR models)."""

    dialect: Dialect
    activation: Activation

    def norm(self, channels: int) -> nn.BatchNorm2d:
        return nn.BatchNorm2d(channels, eps=BN_EPS[self.dialect], momentum=BN_MOMENTUM)

    def act(self) -> nn.Module:
        return nn.Mish() if self.activation == "mish" else nn.SiLU()


class Conv(nn.Module):
    """k×k convolution without bias → BN → activation, padded so that only `stride` changes the size."""

    def __init__(self, c_in: int, c_out: int, k: int = 1, stride: int = 1, *, style: Style) -> None:
        super().__init__()
        self.conv = Convolution(c_in, c_out, k, stride)
        self.bn = style.norm(c_out)
        self.act = style.act()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.act(self.bn(self.conv(x)))
        return y

    def fold(self) -> nn.Module:
        """The same in eval mode, with the BN inside the convolution."""
        return nn.Sequential(OrderedDict(conv=fold_norm(self.conv, self.bn), act=self.act))


class Unit(nn.Module):
    """x + Conv3×3(Conv1×1(x)), the residual unit of CSP blocks; without the sum (`shortcut=False`) in the neck."""

    def __init__(self, channels: int, hidden: int, *, shortcut: bool, style: Style) -> None:
        super().__init__()
        self.conv1 = Conv(channels, hidden, 1, style=style)
        self.conv2 = Conv(hidden, channels, 3, style=style)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv2(self.conv1(x))
        return x + y if self.shortcut else y


class Residual(Unit):
    """The first stage (B1) of the YOLOv4-CSP stem: a residual unit of half the width inside."""

    def __init__(self, channels: int, *, style: Style) -> None:
        super().__init__(channels, channels // 2, shortcut=True, style=style)


def units(count: int, channels: int, *, shortcut: bool, style: Style) -> nn.Sequential:
    """`count` units of one width, one after the other."""
    return nn.Sequential(*(Unit(channels, channels, shortcut=shortcut, style=style) for _ in range(count)))


def _phases(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The pixels of every 2×2 patch, each (B, C, H/2, W/2): top left, top right, bottom left, bottom right."""
    top, bottom = x[..., ::2, :], x[..., 1::2, :]
    return top[..., ::2], top[..., 1::2], bottom[..., ::2], bottom[..., 1::2]


class ReOrg(nn.Module):
    """(B, C, H, W) → (B, 4C, H/2, W/2) without parameters: the pixels of each 2×2 patch as channels (S2D).

    All C channels of the top left pixel come first, then bottom left, top right, bottom right.
    """

    def forward(self, x: Tensor) -> Tensor:
        top_left, top_right, bottom_left, bottom_right = _phases(x)
        return torch.cat([top_left, bottom_left, top_right, bottom_right], dim=1)


class Dwt(nn.Module):
    """(B, C, H, W) → (B, 4C, H/2, W/2) without parameters: one level of the Haar wavelets; [0, 1] stays so.

    The C averages come first (LL/2); then, channel by channel, the three detail bands (band/2 + 1/2) in the order
    top − bottom, left − right, diagonal.
    """

    def forward(self, x: Tensor) -> Tensor:
        top_left, top_right, bottom_left, bottom_right = _phases(x)
        top, bottom = top_left + top_right, bottom_left + bottom_right
        left_right = top_left - top_right + bottom_left - bottom_right
        diagonal = top_left - top_right - bottom_left + bottom_right
        details = torch.stack([top - bottom, left_right, diagonal], dim=2).flatten(1, 2)
        return torch.cat([(top + bottom) / 4, details / 4 + 0.5], dim=1)


class DownConv(Conv):
    """Down-sampling by 2: a 3×3 convolution of stride 2."""

    def __init__(self, c_in: int, c_out: int, *, style: Style) -> None:
        super().__init__(c_in, c_out, 3, stride=2, style=style)


class DownCsp(nn.Module):
    """CSP down-sampling by 2 (Figure A1 d; YOLOR-E6, D6): a strided convolution beside a max pool."""

    def __init__(self, c_in: int, c_out: int, *, style: Style) -> None:
        super().__init__()
        self.conv1 = Conv(c_in, c_in, 1, style=style)
        self.conv2 = Conv(c_in, c_out // 2, 3, stride=2, style=style)
        self.pooled = Conv(c_in, c_out // 2, 1, style=style)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.conv2(self.conv1(x)), self.pooled(F.max_pool2d(x, 2))], dim=1)


def down_sampling(kind: Down, c_in: int, c_out: int, *, style: Style) -> DownConv | DownCsp:
    """The block that halves H and W."""
    return DownCsp(c_in, c_out, style=style) if kind == "csp" else DownConv(c_in, c_out, style=style)


def pyramid_pool(x: Tensor, k: int = 5) -> list[Tensor]:
    """x and its max pools of k, 2k−1 and 3k−2 (5, 9, 13), each (B, C, H, W).

    Chained k×k pools: a maximum of maxima is the maximum over the larger window, at a fraction of the work.
    """
    maps = [x]
    for _ in range(3):
        maps.append(F.max_pool2d(maps[-1], k, stride=1, padding=k // 2))
    return maps
