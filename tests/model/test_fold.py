"""Folding is exact for every pairing of modelling and operator, or refused with the reason."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from unified.model.code_spec import CodeSpec, OperatorName
from unified.model.fold import fold, fold_norm, fold_sequence
from unified.model.implicit import Factorization, ImplicitCode, Modelling, Network, Vector
from unified.model.operators import Add, Concat, FoldError, Mul, Operator, Project, RankOne, Select
from unified.model.places import CodedConv

CHANNELS, OUTPUTS = 8, 12
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}
MODELLINGS = {
    "vector": lambda centre: Vector(centre, sigma=0.5),
    "network": lambda centre: Network(centre, sigma=0.5),
    "nonlinear network": lambda centre: Network(centre, sigma=0.5, nonlinear=True),
    "factorization": lambda centre: Factorization(centre, sigma=0.5),
    "sparse factorization": lambda centre: Factorization(centre, sigma=0.5, sparse=0.5),
    "non-negative factorization": lambda centre: Factorization(centre, sigma=0.5, nonnegative=True),
}
OPERATORS: dict[str, Callable[[int], Operator]] = {
    "add": lambda groups: Add(),
    "mul": lambda groups: Mul(),
    "select": lambda groups: Select(),
    "concat": Concat,
    "project": lambda groups: Project(groups=groups),
    "rank_one": RankOne,
    "reducing project": lambda groups: Project(CHANNELS // 2, groups),
}


def make_code(modelling: str, operator: Operator, channels: int) -> ImplicitCode:
    centre = operator.centre(channels)
    made: Modelling = MODELLINGS[modelling](centre)
    return ImplicitCode(made, operator, channels, centre=centre)


def make_norm(channels: int) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels)
    assert norm.running_mean is not None and norm.running_var is not None
    for tensor, low, high in ((norm.weight, 0.5, 2), (norm.bias, -1, 1), (norm.running_var, 0.5, 2)):
        nn.init.uniform_(tensor, low, high)
    nn.init.normal_(norm.running_mean)
    return norm


def worst_difference(layers: list[nn.Module], folded: list[nn.Module], dtype: torch.dtype) -> float:
    x = torch.randn(2, CHANNELS, 5, 4, dtype=dtype)
    with torch.inference_mode():
        return float((nn.Sequential(*layers)(x) - nn.Sequential(*folded)(x)).abs().max())


GRID = list(itertools.product(MODELLINGS, OPERATORS, (False, True), (False, True), (1, 2)))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("modelling", "operator", "norm", "bias", "groups"), GRID)
def test_a_code_folds_into_the_convolution_after_it(
    modelling: str, operator: str, norm: bool, bias: bool, groups: int, dtype: torch.dtype
) -> None:
    code = make_code(modelling, OPERATORS[operator](groups), CHANNELS)
    conv = nn.Conv2d(code.out_channels, OUTPUTS, 1, groups=groups, bias=bias)
    layers = [code, conv, *([make_norm(OUTPUTS)] if norm else [])]
    layers = list(nn.Sequential(*layers).to(dtype).eval())

    folded = fold_sequence(layers)

    assert [type(layer) for layer in folded] == [nn.Conv2d]
    assert folded[0].weight.shape == (OUTPUTS, CHANNELS // groups, 1, 1)
    assert worst_difference(layers, folded, dtype) < TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("modelling", "operator", "norm", "bias", "groups"), [g for g in GRID if g[1] != "concat"])
def test_a_code_folds_into_the_convolution_before_it(
    modelling: str, operator: str, norm: bool, bias: bool, groups: int, dtype: torch.dtype
) -> None:
    conv = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, groups=groups, bias=bias)
    code = make_code(modelling, OPERATORS[operator](groups), CHANNELS)
    layers = [conv, *([make_norm(CHANNELS)] if norm else []), code]
    layers = list(nn.Sequential(*layers).to(dtype).eval())

    folded = fold_sequence(layers)

    assert [type(layer) for layer in folded] == [nn.Conv2d]
    assert worst_difference(layers, folded, dtype) < TOLERANCE[dtype]


@pytest.mark.parametrize(("operator", "place"), [("mul", "before"), ("select", "before"), ("project", "before")])
def test_operators_without_a_constant_fold_before_a_padded_convolution(operator: str, place: str) -> None:
    code = make_code("vector", OPERATORS[operator](1), CHANNELS).double()
    conv = nn.Conv2d(CHANNELS, OUTPUTS, 3, padding=1).double()

    folded = fold_sequence([code, conv])

    assert worst_difference([code, conv], folded, torch.float64) < TOLERANCE[torch.float64]


@pytest.mark.parametrize("operator", ["add", "concat"])
def test_constants_before_a_padded_convolution_are_refused(operator: str) -> None:
    code = make_code("vector", OPERATORS[operator](1), CHANNELS)
    conv = nn.Conv2d(code.out_channels, OUTPUTS, 3, padding=1)

    with pytest.raises(FoldError, match=r"padded 3×3 convolution.*at the border"):
        fold_sequence([code, conv])


def test_constants_before_an_unpadded_convolution_fold() -> None:
    code = make_code("vector", Add(), CHANNELS).double()
    conv = nn.Conv2d(CHANNELS, OUTPUTS, 3).double()

    folded = fold_sequence([code, conv])

    assert worst_difference([code, conv], folded, torch.float64) < TOLERANCE[torch.float64]


@pytest.mark.parametrize("operator", ["concat", "project", "rank_one"])
def test_a_code_that_mixes_all_channels_turns_a_grouped_convolution_into_a_full_one(operator: str) -> None:
    code = make_code("vector", OPERATORS[operator](1), CHANNELS).double()
    conv = nn.Conv2d(code.out_channels, OUTPUTS, 1, groups=2).double()

    folded = fold_sequence([code, conv])

    assert worst_difference([code, conv], folded, torch.float64) < TOLERANCE[torch.float64]
    with pytest.raises(FoldError, match="they must agree"):
        fold_sequence([make_code("vector", OPERATORS[operator](4), CHANNELS).double(), conv])


def test_folding_across_an_activation_is_refused() -> None:
    layers = [nn.Conv2d(CHANNELS, CHANNELS, 1), nn.SiLU(), make_code("vector", Mul(), CHANNELS), nn.SiLU()]

    with pytest.raises(FoldError, match="SiLU is not a convolution"):
        fold_sequence(layers)


def test_a_norm_without_running_statistics_is_refused() -> None:
    with pytest.raises(FoldError, match="depends on the batch"):
        fold_norm(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4, track_running_stats=False))


@pytest.mark.parametrize("clusters", [1, 3])
@pytest.mark.parametrize("align", ["add", "mul", "select", "concat", "project", "rank_one", None])
@pytest.mark.parametrize("refine", ["add", "mul", "select", "project", "rank_one", None])
def test_a_coded_convolution_folds_into_the_plain_one(
    align: OperatorName | None, refine: OperatorName | None, clusters: int
) -> None:
    coded = make_coded_conv(align, refine, clusters).double().eval()
    plain = nn.Conv2d(CHANNELS, OUTPUTS, 1)

    folded = fold(nn.Sequential(coded))

    x = torch.randn(2, CHANNELS, 3, 3, dtype=torch.float64)
    torch.testing.assert_close(folded(x), coded(x), rtol=0, atol=1e-12)
    assert shapes_of(folded[0]) == shapes_of(plain)
    assert folded[0].groups == 1


def shapes_of(module: nn.Module) -> list[tuple[str, torch.Size]]:
    return [(name, tensor.shape) for name, tensor in module.state_dict().items()]


def make_coded_conv(align: OperatorName | None, refine: OperatorName | None, clusters: int) -> CodedConv:
    index = torch.tensor([1, 4, 7]) if refine in ("add", "mul", "select") else None
    return CodedConv(
        CHANNELS,
        OUTPUTS,
        align=None if align is None else CodeSpec(operator=align, sigma=0.3).align(CHANNELS, clusters=clusters),
        refine=None if refine is None else CodeSpec(operator=refine, sigma=0.3).refine(OUTPUTS, index=index),
        clusters=clusters,
    )


def test_a_code_outside_a_foldable_layer_is_named() -> None:
    class Loose(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shift = make_code("vector", Add(), CHANNELS)

        def forward(self, x: Tensor) -> Tensor:
            return self.shift(x)

    with pytest.raises(FoldError, match="shift"):
        fold(Loose())


def test_folding_leaves_the_model_itself_alone() -> None:
    coded = make_coded_conv("add", "mul", 1)
    before = {name: tensor.clone() for name, tensor in coded.state_dict().items()}

    fold(nn.Sequential(coded))

    assert coded.training
    torch.testing.assert_close(dict(coded.state_dict()), before)
