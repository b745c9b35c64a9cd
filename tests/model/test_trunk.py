"""The trunk: shapes of every variant, named stages, refused inputs, training."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from unified.errors import ConfigError
from unified.model.blocks import DownCsp, Dwt, ReOrg
from unified.model.fold import fold
from unified.model.neck import Features
from unified.model.trunk import Trunk, build_trunk
from unified.model.variants import names, spec


def on_meta(name: str) -> Trunk:
    with torch.device("meta"):
        return Trunk.from_spec(spec(name)).eval()


def watched(trunk: Trunk) -> tuple[dict[str, Tensor], list[RemovableHandle]]:
    """What the submodule of every named stage will emit, of a pair the first; and the hooks that keep it."""
    outputs: dict[str, Tensor] = {}

    def hook(name: str, module: nn.Module) -> RemovableHandle:
        def keep(module: nn.Module, inputs: object, output: Tensor | tuple[Tensor, Tensor]) -> None:
            outputs[name] = output if isinstance(output, Tensor) else output[0]

        return module.register_forward_hook(keep)

    return outputs, [hook(stage.name, trunk.get_submodule(stage.path)) for stage in trunk.stages]


BATCH, ROWS, COLUMNS = 2, 2, 3  # pictures; their height and width in largest strides


def shape_at(stride: int, channels: int, trunk: Trunk) -> tuple[int, ...]:
    return BATCH, channels, ROWS * trunk.max_stride // stride, COLUMNS * trunk.max_stride // stride


@dataclass(frozen=True)
class Pass:
    """One pass of a trunk, for all tests of its shapes."""

    trunk: Trunk
    features: Features
    stages: dict[str, Tensor]


@pytest.fixture(scope="module", params=names())
def seen(request: pytest.FixtureRequest) -> Pass:
    trunk = on_meta(request.param)
    stages, hooks = watched(trunk)
    with torch.no_grad():
        features = trunk(torch.empty(BATCH, 3, ROWS * trunk.max_stride, COLUMNS * trunk.max_stride, device="meta"))
    for hook in hooks:
        hook.remove()
    return Pass(trunk, features, stages)


def test_features_have_the_announced_levels_channels_and_strides(seen: Pass) -> None:
    trunk = seen.trunk
    assert list(seen.features) == list(trunk.channels) == list(trunk.strides) == list(trunk.anchors)
    for level, x in seen.features.items():
        assert trunk.strides[level] == 2 ** int(level[1:])
        assert x.shape == shape_at(trunk.strides[level], trunk.channels[level], trunk)


def test_every_named_stage_emits_the_announced_shape(seen: Pass) -> None:
    stages = seen.trunk.stages
    assert list(seen.stages) == [stage.name for stage in stages]  # also: in the order in which they run
    for stage in stages:
        assert seen.stages[stage.name].shape == shape_at(stage.stride, stage.channels, seen.trunk)


def test_stages_of_the_published_models_are_the_papers() -> None:
    backbone = ["stem", "B2", "B3", "B4", "B5", "B6"]
    neck = ["CSPSPP", "FPN_P5", "FPN_P4", "FPN_P3", "PAN_P4", "PAN_P5", "PAN_P6"]
    heads = ["head_P3", "head_P4", "head_P5", "head_P6"]
    assert [stage.name for stage in on_meta("yolor-p6").stages] == backbone + neck + heads
    stem = on_meta("yolor-e6").stages[0]
    assert (stem.channels, stem.stride) == (160, 4)


def test_csp_down_sampling_reaches_stem_backbone_and_neck() -> None:
    halvings = [name for name, module in on_meta("yolor-e6").named_modules() if isinstance(module, DownCsp)]
    assert halvings == [
        "backbone.stem.conv2",
        *(f"backbone.b{k}.down" for k in (3, 4, 5, 6)),
        *(f"neck.pan.p{k}.down" for k in (4, 5, 6)),
    ]


@pytest.mark.parametrize(("name", "block"), [("yolor-ssss", ReOrg), ("yolor-ssss-dwt", Dwt)])
def test_the_stem_shuffles_as_the_name_says(name: str, block: type[nn.Module]) -> None:
    assert sum(isinstance(module, block) for module in on_meta(name).backbone.modules()) == 3


def test_weights_are_named_after_what_they_are() -> None:
    keys = on_meta("yolor-csp").state_dict()
    for key in (
        "backbone.stem.conv1.conv.weight",
        "backbone.b1.residual.conv1.conv.weight",
        "backbone.b3.csp.units.0.conv1.conv.weight",
        "backbone.b3.down.bn.running_var",
        "neck.spp.merge.conv.weight",
        "neck.fpn.p4.lateral.conv.weight",
        "neck.pan.p5.csp.close.conv.weight",
        "head.p3.conv.weight",
    ):
        assert key in keys


@pytest.mark.parametrize("shape", [(1, 3, 100, 128), (1, 3, 128, 100), (1, 1, 64, 64), (1, 3, 16, 16)])
def test_images_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="multiples of 32"):
        on_meta("yolor-n")(torch.empty(shape, device="meta"))


def test_p6_models_want_multiples_of_64() -> None:
    with pytest.raises(ConfigError, match="multiples of 64"):
        on_meta("yolor-p6")(torch.empty(1, 3, 96, 96, device="meta"))


@pytest.fixture(params=["yolor-n", "yolor-t:T", "yolor-ssss-dwt"])
def small(request: pytest.FixtureRequest) -> Trunk:
    return build_trunk(request.param)


def test_every_parameter_gets_a_gradient(small: Trunk) -> None:
    features = small(torch.rand(2, 3, 64, 96))
    torch.autograd.backward([x.square().mean() for x in features.values()])
    assert [name for name, p in small.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_channels_last_changes_nothing(small: Trunk) -> None:
    images = torch.rand(1, 3, 64, 64)
    expected = small.eval()(images)
    got = small.to(memory_format=torch.channels_last)(images.contiguous(memory_format=torch.channels_last))
    for level, x in expected.items():
        torch.testing.assert_close(got[level], x, rtol=1e-4, atol=1e-5)


def test_folding_leaves_the_features_alone(small: Trunk) -> None:
    small.double().train()
    images = torch.rand(2, 3, 64, 64, dtype=torch.float64)
    small(images)  # so that the running statistics are not neutral
    expected = small.eval()(images)
    for level, x in fold(small)(images).items():
        torch.testing.assert_close(x, expected[level], rtol=0, atol=1e-12)


def test_build_trunk_takes_an_activation() -> None:
    kinds = {type(module) for module in build_trunk("yolor-n", activation="mish").modules()}
    assert nn.Mish in kinds and nn.SiLU not in kinds


def test_build_trunk_downloads_nothing_for_its_own_models() -> None:
    with pytest.raises(ConfigError, match=r"unified\.from_reference reads published ones"):
        build_trunk("yolor-n", pretrained=True)


def test_build_trunk_passes_the_hint_for_an_unknown_name() -> None:
    with pytest.raises(ConfigError, match="did you mean 'yolor-ssss'"):
        build_trunk("yolor-sssss")


def test_a_spec_may_be_changed_freely() -> None:
    trunk = Trunk.from_spec(replace(spec("yolor-n"), name="mine", block="csp-first", down="csp", spp_tail=2))
    assert trunk.eval()(torch.rand(1, 3, 32, 32))["p5"].shape == (1, trunk.channels["p5"], 1, 1)
