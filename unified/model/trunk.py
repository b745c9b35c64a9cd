"""The shared trunk f(x): images in, one feature map a level out. `unified.model.variants` holds the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor, nn

from unified.errors import ConfigError
from unified.model.backbone import RGB, Backbone
from unified.model.blocks import Activation, Conv, Style
from unified.model.neck import Features, Neck
from unified.model.spec import TrunkSpec
from unified.model.stages import Stage, level_stride, spec_stages
from unified.model.u5r5 import C3Neck
from unified.model.variants import spec

TIMM = "timm/"


class Trunk(nn.Module):
    """Backbone, neck and one 3×3 convolution a level: images (B, 3, H, W) in [0, 1] → {"p3": (B, C₃, H/8, W/8), …}.

    `channels`, `strides`, `anchors`: of the features, by level, finest first; anchors are (w, h) in input pixels.
    `max_stride`: H and W must be multiples of it. `stages`: named outputs on the way.
    """

    def __init__(
        self,
        name: str,
        backbone: nn.Module,
        neck: nn.Module,
        *,
        widths: Mapping[str, int],
        heads: Mapping[str, int],
        anchors: Mapping[str, Sequence[tuple[float, float]]],
        stages: Sequence[Stage],
        style: Style,
    ) -> None:
        """`widths`: channels of the neck's maps. `heads`: widths of the head convolutions; empty for none."""
        super().__init__()
        self.name = name
        self.backbone = backbone
        self.neck = neck
        self.head = nn.ModuleDict({level: Conv(widths[level], c, 3, style=style) for level, c in heads.items()})
        self.channels = dict(heads or widths)
        self.strides = {level: level_stride(level) for level in widths}
        self.anchors = {level: tuple(anchors[level]) for level in widths}
        self.max_stride = max(self.strides.values())
        self.stages = tuple(stages)

    @classmethod
    def from_spec(cls, spec: TrunkSpec) -> Trunk:
        """The trunk that the numbers describe, with PyTorch's default initialisation, as in the published code."""
        channels = dict(zip(spec.levels, spec.widths[-len(spec.levels) :], strict=True))
        widths = dict(zip(spec.levels, spec.neck, strict=True))
        neck: nn.Module
        if spec.block == "c3":
            neck = C3Neck(channels, spec.neck_depth, style=spec.style)
        else:
            neck = Neck(channels, widths, spec.neck_depth, down=spec.down, spp_tail=spec.spp_tail, style=spec.style)
        return cls(
            spec.name,
            Backbone(spec),
            neck,
            widths=widths,
            heads=spec.channels if spec.heads else {},
            anchors=dict(zip(spec.levels, spec.anchors, strict=True)),
            stages=spec_stages(spec),
            style=spec.style,
        )

    def forward(self, images: Tensor) -> Features:
        """Raises ConfigError for a size or number of channels that does not fit."""
        self._check(images)
        maps: Features = self.neck(self.backbone(images))
        return {level: self.head[level](x) for level, x in maps.items()} if self.head else maps

    def _check(self, images: Tensor) -> None:
        channels, height, width = images.shape[-3:]
        if channels != RGB or height % self.max_stride or width % self.max_stride:
            raise ConfigError(
                f"trunk {self.name} got images of {channels} channels, {height} rows and {width} columns; it needs "
                f"{RGB} channels (RGB), rows and columns in multiples of {self.max_stride}: pad or resize the pictures"
            )


def build_trunk(name: str, *, activation: Activation | None = None, pretrained: bool = False) -> Trunk:
    """The trunk of that name: one of `unified.model.variants.names()`, with its suffixes, or `timm/<name>`.

    `activation` replaces the model's own, for timm in neck and heads. `pretrained` downloads a timm backbone's weights.
    Raises ConfigError for an unknown name, or if there are no pretrained weights to download.
    """
    if name.startswith(TIMM):
        from unified.model.timm_trunk import timm_trunk  # importing timm takes seconds

        return timm_trunk(name.removeprefix(TIMM), pretrained=pretrained, style=Style("D", activation or "silu"))
    found = spec(name)
    if pretrained:
        raise ConfigError(f"no pretrained weights to download for {name}; unified.from_reference reads published ones")
    return Trunk.from_spec(replace(found, activation=activation or found.activation))
