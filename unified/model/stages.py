"""The named outputs on the way through a trunk: what hooks, feature parity and `unified models NAME` walk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from unified.model.spec import TrunkSpec


@dataclass(frozen=True, slots=True)
class Stage:
    """`trunk.get_submodule(path)` emits (B, channels, H/stride, W/stride)."""

    name: str
    path: str
    channels: int
    stride: int


def level_stride(level: str) -> int:
    """Stride of "p3", "p4" …: 2 to the power of the number."""
    return 1 << int(level[1:])


def spec_stages(spec: TrunkSpec) -> list[Stage]:
    """All stages of `Trunk.from_spec(spec)`, in the order in which they run."""
    widths = dict(zip(spec.levels, spec.neck, strict=True))
    last = spec.first_stage + len(spec.widths) - 1
    stages = [Stage("stem", "backbone.stem", spec.stem_channels, spec.stem_stride)]
    stages += [Stage(f"B{k}", f"backbone.b{k}", c, 2**k) for k, c in enumerate(spec.widths, start=spec.first_stage)]
    if spec.block == "c3":
        spp = Stage("SPP", f"backbone.b{last}.spp", spec.widths[-1], 2**last)
        return [*stages[:-1], spp, stages[-1], *neck_stages(widths, fpn_block=".c3")]
    stages.append(Stage("CSPSPP", "neck.spp", spec.neck[-1], 2**last))
    return [*stages, *neck_stages(widths), *head_stages(spec.channels)]


def neck_stages(widths: Mapping[str, int], *, fpn_block: str = "") -> list[Stage]:
    """FPN from the second coarsest level to the finest, then PAN back."""
    levels = list(widths)
    fpn = [
        Stage(f"FPN_{level.upper()}", f"neck.fpn.{level}{fpn_block}", widths[level], level_stride(level))
        for level in reversed(levels[:-1])
    ]
    pan = [
        Stage(f"PAN_{level.upper()}", f"neck.pan.{level}", widths[level], level_stride(level)) for level in levels[1:]
    ]
    return fpn + pan


def head_stages(channels: Mapping[str, int]) -> list[Stage]:
    """The 3×3 convolutions that emit the features."""
    return [Stage(f"head_{level.upper()}", f"head.{level}", c, level_stride(level)) for level, c in channels.items()]
