"""Stem and stages of the trunks: images in, the maps that the neck joins out."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from unified.model.blocks import Conv, DownCsp, Dwt, ReOrg, Residual, down_sampling
from unified.model.csp import Csp
from unified.model.neck import Features
from unified.model.spec import TrunkSpec
from unified.model.u5r5 import C3, Focus, Spp

RGB = 3


def _stem(spec: TrunkSpec) -> nn.Sequential:
    """Figure A2: parameter-free shuffles, then 3×3 convolutions."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if spec.block == "c3":
        layers["focus"] = Focus(RGB, spec.stem_channels, style=spec.style)
        return nn.Sequential(layers)
    for i in range(1, spec.shuffles + 1):
        layers[f"{spec.shuffle}{i}"] = Dwt() if spec.shuffle == "dwt" else ReOrg()
    c = RGB * 4**spec.shuffles
    for i, (width, stride) in enumerate(spec.stem, start=1):
        layer: Conv | DownCsp = Conv(c, width, 3, style=spec.style)
        if stride == 2:
            layer = down_sampling(spec.down, c, width, style=spec.style)
        layers[f"conv{i}"], c = layer, width
    return nn.Sequential(layers)


def _stage(spec: TrunkSpec, k: int, c_in: int, *, halve: bool) -> nn.Sequential:
    """Stage Bₖ: down-sampling where needed, SPP before the last block of a U5R5, then the CSP or C3 block."""
    i = k - spec.first_stage
    width, depth, style = spec.widths[i], spec.depths[i], spec.style
    last = i == len(spec.widths) - 1
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if halve:
        layers["down"] = down_sampling(spec.down, c_in, width, style=style)
        c_in = width
    if spec.block == "c3":
        if last:
            layers["spp"] = Spp(width, k=spec.spp_kernel, style=style)
        layers["c3"] = C3(c_in, width, depth, shortcut=not last, style=style)
    elif k == 1 and spec.residual_b1:
        layers["residual"] = Residual(width, style=style)
    else:
        layers["csp"] = Csp(c_in, width, depth, fusion="last" if spec.block == "csp-last" else "first", style=style)
    return nn.Sequential(layers)


class Backbone(nn.Module):
    """(B, 3, H, W) → {"p3": B3, "p4": B4, …}; submodules `stem`, `b1` … in the order in which they run."""

    def __init__(self, spec: TrunkSpec) -> None:
        super().__init__()
        self.stem = _stem(spec)
        c, stride = spec.stem_channels, spec.stem_stride
        self.taps: dict[str, str] = {}
        for k, width in enumerate(spec.widths, start=spec.first_stage):
            self.add_module(f"b{k}", _stage(spec, k, c, halve=stride < 2**k))
            c, stride = width, 2**k
            if f"p{k}" in spec.levels:
                self.taps[f"b{k}"] = f"p{k}"

    def forward(self, images: Tensor) -> Features:
        x, maps = images, {}
        for name, stage in self.named_children():
            x = stage(x)
            if name in self.taps:
                maps[self.taps[name]] = x
        return maps
