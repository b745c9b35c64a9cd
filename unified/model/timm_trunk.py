"""Any timm backbone under the YOLOR neck: `timm/<name>`, e.g. timm/resnet18, timm/mobilenetv3_small_100."""

from __future__ import annotations

import timm
import torch
from timm.models import FeatureInfo, PretrainedCfg
from torch import Tensor, nn

from unified.errors import ConfigError, nearest
from unified.model.blocks import Style
from unified.model.neck import Features, Neck
from unified.model.stages import Stage, head_stages, level_stride, neck_stages
from unified.model.trunk import Trunk
from unified.model.variants import P5_ANCHORS

LEVELS = ("p3", "p4", "p5")
# Neck and heads of YOLOR-SSSS.
NECK = dict(zip(LEVELS, (64, 128, 256), strict=True))
HEADS = dict(zip(LEVELS, (128, 256, 512), strict=True))
NECK_DEPTH = 1


class TimmBackbone(nn.Module):
    """Images (B, 3, H, W) in [0, 1] → the model's last maps at strides 8, 16 and 32, as "p3", "p4", "p5".

    Images are normalised as the model's published weights expect. `channels`: of the maps, by level.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, *, pretrained: bool) -> None:
        super().__init__()
        self.name = name
        indices = _indices(name)
        self.net = timm.create_model(name, features_only=True, out_indices=indices, pretrained=pretrained)
        self.channels = dict(zip(LEVELS, _feature_info(self.net).channels(), strict=True))
        cfg = timm.get_pretrained_cfg(name) or PretrainedCfg()
        for statistic, values in (("mean", cfg.mean), ("std", cfg.std)):
            self.register_buffer(statistic, torch.tensor(values).view(1, -1, 1, 1), persistent=False)
        self.out = nn.ModuleDict({level: nn.Identity() for level in LEVELS})  # to hook

    def forward(self, images: Tensor) -> Features:
        maps = self.net((images - self.mean) / self.std)
        for level, x in zip(LEVELS, maps, strict=True):
            if x.shape[1] != self.channels[level]:
                raise ConfigError(f"timm/{self.name} emits maps with the channels last; choose a convolutional model")
        return {level: self.out[level](x) for level, x in zip(LEVELS, maps, strict=True)}


def _indices(name: str) -> list[int]:
    """Indices of the last map at each of our strides."""
    if not timm.is_model(name):
        raise ConfigError(f"unknown trunk 'timm/{name}': {nearest(name, timm.list_models())}")
    strides = _feature_info(timm.create_model(name, features_only=True)).reduction()
    wanted = [level_stride(level) for level in LEVELS]
    if not set(wanted) <= set(strides):
        raise ConfigError(f"timm/{name} has maps at strides {sorted(set(strides))}, the neck needs {wanted}")
    return [max(i for i, stride in enumerate(strides) if stride == level) for level in wanted]


def _feature_info(net: nn.Module) -> FeatureInfo:
    info = net.feature_info
    assert isinstance(info, FeatureInfo)  # of every features_only model
    return info


def timm_trunk(name: str, *, pretrained: bool, style: Style) -> Trunk:
    """`name` as timm knows it; `pretrained` downloads its weights. Raises ConfigError for a model that does not fit."""
    backbone = TimmBackbone(name, pretrained=pretrained)
    stages = [
        Stage(f"B{level[1:]}", f"backbone.out.{level}", channels, level_stride(level))
        for level, channels in backbone.channels.items()
    ]
    stages.append(Stage("CSPSPP", "neck.spp", NECK[LEVELS[-1]], level_stride(LEVELS[-1])))
    return Trunk(
        f"timm/{name}",
        backbone,
        Neck(backbone.channels, NECK, NECK_DEPTH, style=style),
        widths=NECK,
        heads=HEADS,
        anchors=dict(zip(LEVELS, P5_ANCHORS, strict=True)),
        stages=[*stages, *neck_stages(NECK), *head_stages(HEADS)],
        style=style,
    )
