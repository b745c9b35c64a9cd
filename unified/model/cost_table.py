"""The table of models beside the paper: parameters and MFLOPs of every trunk under the detection head of the paper."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import replace

import torch
from torch import Tensor, nn

from unified.model.code_spec import CodeSpec
from unified.model.cost import Cost, count
from unified.model.neck import Features
from unified.model.paper import ROWS, Gflops, PaperRow
from unified.model.places import CodedConv
from unified.model.spec import TrunkSpec
from unified.model.trunk import Trunk
from unified.model.variants import names, spec

CLASSES = 80  # of COCO, as in every table of the paper
BOX_OUTPUTS = 5  # x, y, w, h and objectness of an anchor
PRINTED_SIZE = 640  # at which the published code prints GFLOPs, with one decimal

Row = dict[str, object]


class PredictHead(nn.Module):
    """One 1×1 convolution a level, with the paper's + iFA before and × iPR after it: what its counts include."""

    def __init__(self, spec: TrunkSpec, classes: int = CLASSES) -> None:
        super().__init__()
        self.predict = nn.ModuleDict()
        for (level, channels), anchors in zip(spec.channels.items(), spec.anchors, strict=True):
            outputs = len(anchors) * (BOX_OUTPUTS + classes)
            self.predict[level] = CodedConv(
                channels,
                outputs,
                align=CodeSpec(operator="add").align(channels),
                refine=CodeSpec(operator="mul").refine(outputs),
            )

    def forward(self, features: Features) -> dict[str, Tensor]:
        """Features → {"p3": (B, A·(5+K), H/8, W/8), …}."""
        return {level: self.predict[level](x) for level, x in features.items()}


def spec_cost(spec: TrunkSpec) -> Cost:
    """Trunk and detection head with codes, at the paper's input size."""
    with torch.device("meta"):
        trunk = Trunk.from_spec(spec)
    model = nn.Sequential(OrderedDict(trunk=trunk, head=PredictHead(spec)))
    return count(model, spec.size, probe=trunk.max_stride)


def row(name: str) -> Row:
    """One line of the table; `name` as in `unified.model.variants`. "paper" is None where it prints nothing."""
    found = spec(name)
    cost = spec_cost(found)
    return {
        "name": found.name,
        "dialect": found.dialect,
        "size": found.size,
        "plain": cost.parameters - cost.code_parameters,
        "with_codes": cost.parameters,
        "plain_fused": cost.fused_parameters - cost.code_parameters,
        "with_codes_fused": cost.fused_parameters,
        "mflops_plain": cost.flops / 1e6,
        "mflops_with_codes": (cost.flops + cost.code_operations) / 1e6,
        "paper": _paper(ROWS[name], found, cost) if name in ROWS else None,
    }


def rows() -> list[Row]:
    """The whole table, every model in the dialect in which the paper's numbers hold."""
    return [row(name) for name in names()]


def _paper(printed: PaperRow, found: TrunkSpec, cost: Cost) -> Row:
    gflops: Row | None = None
    if printed.gflops is not None:
        other = printed.gflops.dialect
        counted = cost if other is None else spec_cost(replace(found, dialect=other))
        measured = _gflops(counted, found.size, printed.gflops)
        gflops = {"printed": printed.gflops.value, "measured": measured, "convention": printed.gflops.convention}
    return {
        "tables": printed.tables,
        "convention": printed.convention,
        **{str(column): number for column, number in printed.columns.items()},
        "gflops": gflops,
        "note": printed.note,
    }


def _gflops(cost: Cost, size: int, how: Gflops) -> float:
    """As the paper's Tables A1 to A3 got theirs."""
    flops = cost.fused_flops if how.fused else cost.flops
    if how.rounding == "cut":
        return math.floor(flops / 1e8) / 10
    at_640 = round(flops * PRINTED_SIZE**2 / size**2 / 1e9, 1)
    return round(at_640 * size**2 / PRINTED_SIZE**2, 0 if how.rounding == "whole" else 1)
