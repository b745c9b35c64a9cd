"""Codes start as the paper's §4.3 says, act where they should, and every number of them learns."""

from __future__ import annotations

import pytest
import torch

from unified.errors import ConfigError
from unified.model.code_spec import CodeSpec, OperatorName
from unified.model.implicit import Factorization, ImplicitCode, Markov, Network, Vector
from unified.model.operators import Add, Mul, Select
from unified.model.places import CodedConv

SPECS = [
    {"modelling": modelling, "operator": operator}
    for modelling in ("vector", "network", "factorization")
    for operator in ("add", "mul", "concat", "select", "project", "rank_one")
] + [
    {"modelling": "network", "operator": "add", "nonlinear": True},
    {"modelling": "factorization", "operator": "mul", "sparse": 0.5},
    {"modelling": "factorization", "operator": "add", "nonnegative": True},
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_fresh_code_lies_sigma_around_the_neutral_element(spec: dict[str, object]) -> None:
    torch.manual_seed(0)
    code = CodeSpec(**spec).align(64)  # type: ignore[arg-type]

    deviation = (code.g() - code.centre).detach()

    assert 0 < deviation.abs().mean() < 0.06
    if not spec.get("nonnegative"):
        assert abs(float(deviation.mean())) < 0.01


def test_multiplication_starts_at_one_and_addition_at_zero() -> None:
    assert CodeSpec(operator="mul", sigma=0).align(4).g().tolist() == [[1.0] * 4]
    assert CodeSpec(operator="add", sigma=0).align(4).g().tolist() == [[0.0] * 4]


@pytest.mark.parametrize("operator", ["add", "mul", "select", "project", "rank_one"])
def test_a_code_without_spread_leaves_the_features_alone(operator: OperatorName) -> None:
    x = torch.randn(2, 6, 3, 3)
    torch.testing.assert_close(CodeSpec(operator=operator, sigma=0).align(6)(x), x)


def test_concatenation_appends_the_code_as_constant_channels() -> None:
    code = CodeSpec(operator="concat").align(3)
    x = torch.randn(2, 3, 4, 5)

    y = code(x)

    assert y.shape == (2, 6, 4, 5)
    torch.testing.assert_close(y[:, :3], x)
    torch.testing.assert_close(y[:, 3:], code.g().view(1, 3, 1, 1).expand(2, 3, 4, 5))


@pytest.mark.parametrize("place", ["align", "refine", "per_anchor"])
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_every_parameter_of_a_code_gets_a_gradient_and_changes_the_output(spec: dict[str, object], place: str) -> None:
    if place == "refine" and spec["operator"] == "concat":
        pytest.skip("concatenation would change the number of outputs")
    torch.manual_seed(0)
    codes = CodeSpec(**spec)  # type: ignore[arg-type]
    layer = {
        "align": lambda: CodedConv(6, 9, align=codes.align(6)),
        "refine": lambda: CodedConv(6, 9, refine=codes.refine(9)),
        "per_anchor": lambda: CodedConv(6, 9, align=codes.align(6, clusters=3), clusters=3),
    }[place]()
    code = layer.align or layer.refine
    assert code is not None
    x = torch.randn(2, 6, 4, 4)
    target = torch.randn(2, 9, 4, 4)
    before = layer(x)

    (before - target).square().mean().backward()

    for name, parameter in code.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
    with torch.no_grad():
        for parameter in code.parameters():
            parameter.add_(0.1)
    assert (layer(x) - before).abs().max() > 1e-3


def test_parameter_counts_are_the_papers() -> None:
    """Network: 2C + 2C·C + C; factorization: 2C·C + 2C + 1, with a prior twice as wide (§5.6)."""
    c = 16
    centre = Add().centre(c)

    def count(module: torch.nn.Module) -> int:
        return sum(parameter.numel() for parameter in module.parameters())

    assert count(Vector(centre)) == c
    assert count(Network(centre)) == 2 * c + 2 * c * c + c
    assert count(Factorization(centre)) == 2 * c * c + 2 * c + 1


def test_sparse_factorization_uses_few_coefficients_and_nonnegative_ones_none_below_zero() -> None:
    torch.manual_seed(0)
    sparse = Factorization(Add().centre(32), sparse=1.0)
    assert 0 < int((sparse.coefficients() != 0).sum()) < 40  # of 64
    nonnegative = Factorization(Add().centre(32), nonnegative=True)
    assert nonnegative.coefficients().min() >= 0
    assert nonnegative().min() >= 0


def test_a_code_with_an_index_acts_on_those_channels_only() -> None:
    code = CodeSpec(operator="mul", sigma=0.5).refine(6, index=torch.tensor([1, 4]))
    x = torch.ones(1, 6, 2, 2)

    changed = (code(x) - x).abs().amax((0, 2, 3)) > 0

    assert changed.tolist() == [False, True, False, False, True, False]
    assert sum(parameter.numel() for parameter in code.parameters()) == 2


def test_a_markov_code_follows_its_source_and_teaches_it() -> None:
    torch.manual_seed(0)
    source = CodeSpec(operator="mul", sigma=0.2).align(5)
    spec = CodeSpec(operator="add", modelling="markov", source="other")
    code = spec.align(3)
    with pytest.raises(ConfigError, match="'other' is not linked"):
        code.g()

    assert isinstance(code.modelling, Markov)
    code.modelling.link(source)
    before = code.g().detach().clone()
    code.g().square().sum().backward()

    assert next(source.parameters()).grad is not None
    assert all(parameter.grad is not None for parameter in code.parameters())
    assert {name for name, _ in code.named_parameters()} == {"modelling.W", "modelling.b", "modelling.T"}
    with torch.no_grad():
        next(source.parameters()).add_(torch.randn(1, 5))
    assert (code.g() - before).abs().max() > 0


def test_codes_work_in_half_precision_without_raising_it() -> None:
    code = ImplicitCode(Vector(Select().centre(4)), Select(), 4, centre=Select().centre(4))
    assert code(torch.randn(1, 4, 2, 2, dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert ImplicitCode(Vector(Mul().centre(4)), Mul(), 4, centre=Mul().centre(4)).out_channels == 4


@pytest.mark.parametrize("place", ["align", "refine"])
def test_the_control_has_as_many_parameters_as_the_paper_s_codes_but_depends_on_the_picture(place: str) -> None:
    paper = getattr(CodeSpec(operator="add" if place == "align" else "mul"), place)(7)
    control = getattr(CodeSpec(operator="rank_one", sigma=0.5), place)(7)
    assert [p.numel() for p in control.parameters()] == [p.numel() for p in paper.parameters()]
    g, x = control.g()[0], torch.randn(2, 7, 3, 3)
    added = torch.einsum("bchw,c,d->bdhw", x, g, g)
    torch.testing.assert_close(control(x), x + added)


def test_a_frozen_code_works_and_does_not_learn() -> None:
    code = CodeSpec(operator="mul", modelling="network", frozen=True).align(4)
    layer = CodedConv(4, 3, align=code)
    layer(torch.randn(1, 4, 2, 2)).square().sum().backward()
    assert layer.conv.weight.grad is not None
    assert all(p.grad is None and not p.requires_grad for p in code.parameters())
    assert not torch.equal(code.g(), code.centre)
