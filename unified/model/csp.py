"""Cross-stage partial blocks (arXiv 1911.11929, 2011.08036; Figure A1 of arXiv 2105.04206), in both dialects.

All have a main branch y1 and a short branch y2 and end in close(joint([y1, y2])). The dialects differ in two places,
`side` and `joint`, and in the order of the SPP. Submodules are named by what they do; their published names are in
`unified.model.reference_layouts`.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal

import torch
from torch import Tensor, nn

from unified.model.blocks import Conv, Style, pyramid_pool, units
from unified.model.convolution import Convolution

Fusion = Literal["first", "last"]


def side(c_in: int, c_out: int, *, style: Style) -> Conv | Convolution:
    """The 1×1 convolution that ends a branch: with BN and activation in D, bare in T."""
    if style.dialect == "D":
        return Conv(c_in, c_out, style=style)
    return Convolution(c_in, c_out)


def joint(channels: int, *, style: Style) -> nn.Module:
    """What follows the concatenation: nothing in D, BN and activation over both branches in T."""
    if style.dialect == "D":
        return nn.Identity()
    return nn.Sequential(OrderedDict(bn=style.norm(channels), act=style.act()))


class Csp(nn.Module):
    """CSP block of the backbones: units on one half-width branch, the short branch beside it.

    `fusion="last"` (YOLOv4-CSP, SSS, SSSS, Y4-P5/6/7): a 1×1 transition follows the units; both dialects compute the
    same function, up to eps. `fusion="first"` (P6-light, YOLOR-P6/W6/E6/D6): no transition, so that in T the units'
    output passes a second BN and activation.
    """

    def __init__(self, c_in: int, c_out: int, depth: int, *, fusion: Fusion, style: Style) -> None:
        super().__init__()
        h = c_out // 2
        self.short = side(c_in, h, style=style)
        self.main = Conv(c_in, h, style=style)
        self.units = units(depth, h, shortcut=True, style=style)
        self.transition = side(h, h, style=style) if fusion == "last" else nn.Identity()
        self.joint = joint(2 * h, style=style)
        self.close = Conv(2 * h, c_out, style=style)

    def forward(self, x: Tensor) -> Tensor:
        y1 = self.transition(self.units(self.main(x)))
        y: Tensor = self.close(self.joint(torch.cat([y1, self.short(x)], dim=1)))
        return y


class Csp2(nn.Module):
    """CSP block of the neck: split after the first 1×1 convolution, full width, units without shortcut."""

    def __init__(self, c_in: int, c_out: int, depth: int, *, style: Style) -> None:
        super().__init__()
        self.main = Conv(c_in, c_out, style=style)
        self.short = side(c_out, c_out, style=style)
        self.units = units(depth, c_out, shortcut=False, style=style)
        self.joint = joint(2 * c_out, style=style)
        self.close = Conv(2 * c_out, c_out, style=style)

    def forward(self, x: Tensor) -> Tensor:
        x1 = self.main(x)
        y: Tensor = self.close(self.joint(torch.cat([self.units(x1), self.short(x1)], dim=1)))
        return y


class CspSpp(nn.Module):
    """CSPSPP: spatial pyramid pooling inside a CSP block, on the coarsest map.

    `tail` counts the (1×1, 3×3) pairs after the pooling: 1, or 2 in YOLOR-CSP-X.
    """

    def __init__(self, c_in: int, c_out: int, *, tail: Literal[1, 2] = 1, style: Style) -> None:
        super().__init__()
        self.largest_first = style.dialect == "D"
        self.short = side(c_in, c_out, style=style)
        self.main = Conv(c_in, c_out, style=style)
        self.conv1 = Conv(c_out, c_out, 3, style=style)
        self.conv2 = Conv(c_out, c_out, style=style)
        self.merge = Conv(4 * c_out, c_out, style=style)
        self.conv3 = Conv(c_out, c_out, 3, style=style)
        self.tail = units(tail - 1, c_out, shortcut=False, style=style)
        self.joint = joint(2 * c_out, style=style)
        self.close = Conv(2 * c_out, c_out, style=style)

    def forward(self, x: Tensor) -> Tensor:
        maps = pyramid_pool(self.conv2(self.conv1(self.main(x))))
        y1 = self.merge(torch.cat(maps[::-1] if self.largest_first else maps, dim=1))
        y1 = self.tail(self.conv3(y1))
        y: Tensor = self.close(self.joint(torch.cat([y1, self.short(x)], dim=1)))
        return y
