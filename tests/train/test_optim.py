"""Parameter groups and rates."""

from __future__ import annotations

import math
from typing import Literal

import pytest
import torch
from torch import nn

from tests.train.toys import toy_model
from unified.model.code_spec import CodeSpec
from unified.model.places import CodedConv
from unified.train.optim import (
    BIASES,
    DECAY,
    NO_DECAY,
    cosine,
    make_optimizer,
    named_parameters,
    parameter_groups,
    rates,
    sgd,
)
from unified.train.plan import Recipe, plan


class Everything(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.layer_norm = nn.LayerNorm(4)
        self.linear = nn.Linear(4, 4)
        self.attention = nn.MultiheadAttention(4, 2)
        self.embedding = nn.Embedding(5, 4)
        self.scale = nn.Parameter(torch.ones(()))
        self.coded = CodedConv(
            4,
            2,
            align=CodeSpec(operator="add", modelling="network", nonlinear=True).align(4),
            refine=CodeSpec(operator="mul", modelling="factorization").refine(2),
        )
        self.tied = self.linear


def names(module: nn.Module) -> dict[str, set[str]]:
    called = {id(parameter): name.removeprefix("0.") for name, parameter in named_parameters(module)}
    return {group: {called[id(p)] for p in parameters} for group, parameters in parameter_groups(module).items()}


def test_every_parameter_is_in_exactly_one_group() -> None:
    module = Everything()
    grouped = [id(parameter) for group in parameter_groups(module).values() for parameter in group]
    assert sorted(grouped) == sorted(id(parameter) for parameter in module.parameters())


def test_codes_never_decay_whatever_they_are_made_of() -> None:
    found = names(Everything())
    codes = {name for name in set().union(*found.values()) if ".align." in name or ".refine." in name}
    assert {"coded.align.modelling.W", "coded.refine.modelling.Z"} <= codes
    assert codes <= found[NO_DECAY]


def test_kernels_decay_and_norms_and_biases_do_not() -> None:
    found = names(Everything())
    kernels = {"conv.weight", "linear.weight", "embedding.weight", "attention.in_proj_weight", "coded.conv.weight"}
    assert found[DECAY] == kernels | {"attention.out_proj.weight"}
    assert {"norm.weight", "layer_norm.weight", "scale"} <= found[NO_DECAY]
    biases = {"conv.bias", "norm.bias", "layer_norm.bias", "linear.bias", "attention.in_proj_bias", "coded.conv.bias"}
    assert found[BIASES] == biases | {"attention.out_proj.bias"}


def test_the_optimiser_spans_several_modules() -> None:
    model, joint = toy_model(), nn.ParameterDict({"log_variance": torch.zeros(())})
    optimizer = sgd(model, joint, lr=0.1, momentum=0.9, weight_decay=1e-3)
    decays = {group["name"]: group["weight_decay"] for group in optimizer.param_groups}
    assert decays == {NO_DECAY: 0.0, DECAY: 1e-3, BIASES: 0.0}
    assert all(group["nesterov"] for group in optimizer.param_groups)
    assert joint["log_variance"] in set(optimizer.param_groups[0]["params"])


@pytest.mark.parametrize(("progress", "value"), [(0, 1), (0.25, 0.8828427), (0.5, 0.6), (1, 0.2)])
def test_the_curve_is_half_a_cosine_to_a_fifth(progress: float, value: float) -> None:
    assert cosine(progress, 0.2) == pytest.approx(value)


def test_rates_after_the_warm_up_follow_the_curve() -> None:
    recipe = Recipe(epochs=10)
    run = plan(recipe, batches=100, batch=64)
    assert run.warmup == 100
    now = rates(recipe, run, 500)
    assert now.lr == now.lr_biases == pytest.approx(0.006)
    assert now.momentum == 0.937
    # The reference's curve, at the start of an epoch.
    assert rates(recipe, run, 300).lr == pytest.approx(0.01 * ((1 + math.cos(math.pi * 3 / 10)) / 2 * 0.8 + 0.2))


def test_the_warm_up_starts_at_its_ends_and_meets_the_curve() -> None:
    recipe = Recipe(epochs=10)
    run = plan(recipe, batches=100, batch=64)
    first = rates(recipe, run, 0)
    assert (first.lr, first.lr_biases, first.momentum) == (0, 0.1, 0.8)
    half = rates(recipe, run, 50)
    top = 0.01 * cosine(0.05, 0.2)
    assert half.lr == pytest.approx(top / 2)
    assert half.lr_biases == pytest.approx((0.1 + top) / 2)
    assert half.momentum == pytest.approx(0.8685)
    before, after = rates(recipe, run, 99), rates(recipe, run, 100)
    assert before.lr == pytest.approx(after.lr, rel=0.02)


def test_rates_reach_the_groups() -> None:
    recipe = Recipe(epochs=10)
    optimizer = sgd(toy_model(), lr=0.1, momentum=0.9, weight_decay=0.0)
    now = rates(recipe, plan(recipe, batches=100, batch=64), 10)
    now.apply(optimizer)
    found = {group["name"]: (group["lr"], group["momentum"]) for group in optimizer.param_groups}
    assert found[BIASES] == (now.lr_biases, now.momentum)
    assert found[DECAY] == found[NO_DECAY] == (now.lr, now.momentum)


def test_adamw_takes_the_same_groups_and_its_own_rates() -> None:
    recipe = Recipe(epochs=10, optimizer="adamw")
    run = plan(recipe, batches=100, batch=8)
    optimizer = make_optimizer(recipe, run, toy_model())

    rates(recipe, run, 999).apply(optimizer)

    found = {group["name"]: group for group in optimizer.param_groups}
    assert found[DECAY]["weight_decay"] == 0.05
    assert found[NO_DECAY]["weight_decay"] == found[BIASES]["weight_decay"] == 0
    assert all(group["betas"] == (0.937, 0.999) for group in optimizer.param_groups)
    assert found[DECAY]["lr"] == pytest.approx(0.002 * 0.2, rel=0.01)
    assert rates(recipe, run, 0).lr_biases == 0


def test_muon_orthogonalises_kernels_and_matrices_but_no_embedding_no_code_and_no_vector() -> None:
    module = Everything()
    recipe = Recipe(epochs=10, optimizer="muon")
    optimizer = make_optimizer(recipe, plan(recipe, batches=100, batch=8), module)
    called = {id(parameter): name.removeprefix("0.") for name, parameter in named_parameters(module)}
    found = {
        orthogonal: {called[id(p)] for group in optimizer.param_groups if group.get("orthogonal", False) == orthogonal
                     for p in group["params"]}
        for orthogonal in (True, False)
    }  # fmt: skip
    assert found[True] == names(module)[DECAY] - {"embedding.weight"}
    assert found[True] | found[False] == set(called.values()) and not found[True] & found[False]
    decaying = [group for group in optimizer.param_groups if group["weight_decay"]]
    assert {group["name"] for group in decaying} == {DECAY} and len(decaying) == 2


def test_the_decay_of_sgd_shrinks_with_the_pictures_of_an_update() -> None:
    recipe = Recipe(epochs=1)
    run = plan(recipe, batches=4, batch=8)
    decays = {group["name"]: group["weight_decay"] for group in make_optimizer(recipe, run, toy_model()).param_groups}
    assert decays[DECAY] == pytest.approx(5e-4 / 8)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_vectors_move_by_the_fused_kernel_as_without_it(optimizer: Literal["adamw", "muon"]) -> None:
    recipe = Recipe(epochs=1, optimizer=optimizer)
    fused, plain = Everything(), Everything()
    plain.load_state_dict(fused.state_dict())
    optimizers = [make_optimizer(recipe, plan(recipe, batches=9, batch=4), module) for module in (fused, plain)]
    assert any(group.get("fused") for group in optimizers[0].param_groups)
    for group in optimizers[1].param_groups:
        group["fused"] = None
    for _ in range(3):
        for a, b in zip(fused.parameters(), plain.parameters(), strict=True):
            a.grad = torch.randn_like(a)
            b.grad = a.grad.clone()
        for each in optimizers:
            each.step()
    for a, b in zip(fused.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)
