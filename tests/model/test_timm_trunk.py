"""timm backbones under the YOLOR neck."""

from __future__ import annotations

import pytest
import torch

from unified.errors import ConfigError
from unified.model.trunk import Trunk, build_trunk


@pytest.fixture(scope="module", params=["timm/resnet18", "timm/mobilenetv3_small_100"])
def trunk(request: pytest.FixtureRequest) -> Trunk:
    return build_trunk(request.param)


def test_features_have_the_announced_levels_channels_and_strides(trunk: Trunk) -> None:
    features = trunk.eval()(torch.rand(1, 3, 64, 96))
    assert {level: x.shape for level, x in features.items()} == {
        level: (1, c, 64 // trunk.strides[level], 96 // trunk.strides[level]) for level, c in trunk.channels.items()
    }
    assert trunk.strides == {"p3": 8, "p4": 16, "p5": 32} and trunk.max_stride == 32


def test_every_stage_emits_the_announced_shape(trunk: Trunk) -> None:
    shapes: dict[str, torch.Size] = {}
    for stage in trunk.stages:
        module = trunk.get_submodule(stage.path)
        module.register_forward_hook(lambda _, __, output, name=stage.name: shapes.__setitem__(name, output.shape))
    trunk.eval()(torch.rand(1, 3, 64, 64))
    assert list(shapes) == [stage.name for stage in trunk.stages]
    for stage in trunk.stages:
        assert shapes[stage.name] == (1, stage.channels, 64 // stage.stride, 64 // stage.stride)


def test_every_parameter_gets_a_gradient() -> None:
    trunk = build_trunk("timm/mobilenetv3_small_100")
    features = trunk(torch.rand(2, 3, 64, 64))
    torch.autograd.backward([x.square().mean() for x in features.values()])
    assert [name for name, p in trunk.named_parameters() if p.grad is None] == []


def test_images_are_normalised_as_the_backbone_expects() -> None:
    trunk = build_trunk("timm/resnet18").eval()
    seen = []
    trunk.backbone.get_submodule("net").register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    trunk(torch.zeros(1, 3, 32, 32))
    torch.testing.assert_close(seen[0][0, :, 0, 0], -torch.tensor([0.485 / 0.229, 0.456 / 0.224, 0.406 / 0.225]))


def test_wrong_sizes_are_refused(trunk: Trunk) -> None:
    with pytest.raises(ConfigError, match="multiples of 32"):
        trunk(torch.rand(1, 3, 64, 65))


@pytest.mark.parametrize(
    ("name", "hint"),
    [("timm/resnet1888", "did you mean .*resnet18"), ("timm/vit_tiny_patch16_224", r"maps at strides \[16\]")],
)
def test_a_model_that_does_not_fit_is_refused(name: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=hint):
        build_trunk(name)
