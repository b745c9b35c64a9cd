"""The optimiser: parameter groups, and the rates at each point of the training.

SGD with Nesterov momentum and the three groups of the published recipe: weight decay is for the kernels of
convolutions and linear layers only. An implicit code is knowledge, not a filter, and never decays. AdamW, with the same
groups and momentum as its β₁ (the published code's other choice), gets further in the few hundred updates of a small
run, and Muon further still.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.optim import AdamW, Optimizer

from unified.model.implicit import ImplicitCode
from unified.train.fused_sgd import FusedSGD
from unified.train.muon import Muon
from unified.train.plan import Plan, Recipe

NO_DECAY, DECAY, BIASES = "no decay", "decay", "biases"


def named_parameters(*modules: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """("0.trunk.stem.weight", parameter), …: unique names over several modules, each parameter once."""
    yield from nn.ModuleList(modules).named_parameters()


def parameter_groups(*modules: nn.Module) -> dict[str, list[nn.Parameter]]:
    """Every parameter of the modules in exactly one group.

    no decay: all of the implicit codes, and what has no axis to sum over (gains of norms, learnt scales);
    biases: of any layer, norms included; decay: the rest, which is kernels and matrices.
    """
    codes = {
        id(parameter)
        for module in modules
        for code in module.modules()
        if isinstance(code, ImplicitCode)
        for parameter in code.parameters()
    }
    groups: dict[str, list[nn.Parameter]] = {NO_DECAY: [], DECAY: [], BIASES: []}
    for name, parameter in named_parameters(*modules):
        if id(parameter) in codes:
            groups[NO_DECAY].append(parameter)
        elif name.endswith("bias"):
            groups[BIASES].append(parameter)
        else:
            groups[DECAY if parameter.ndim > 1 else NO_DECAY].append(parameter)
    return groups


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a recipe that is silent about it takes."""

    lr: float
    warmup_bias_lr: float
    weight_decay: float


# SGD: the published recipe. The others' decay acts on the weights themselves, lr × decay an update, so it is larger.
OPTIMIZERS = {"sgd": Defaults(0.01, 0.1, 5e-4), "adamw": Defaults(2e-3, 0.0, 5e-2), "muon": Defaults(6e-3, 0.0, 5e-2)}
BETA2 = 0.999
MUON_BETA2 = 0.99  # its runs are short


def make_optimizer(recipe: Recipe, plan: Plan, *modules: nn.Module) -> Optimizer:
    """The recipe's optimiser over the modules' parameters."""
    lr = filled(recipe.lr, OPTIMIZERS[recipe.optimizer].lr)
    decay = filled(recipe.weight_decay, OPTIMIZERS[recipe.optimizer].weight_decay)
    if recipe.optimizer == "sgd":
        # The gradient is summed over the update's pictures, so the decay shrinks with them.
        return sgd(*modules, lr=lr, momentum=recipe.momentum, weight_decay=decay * plan.update_share)
    if recipe.optimizer == "muon":
        return Muon(_fused(_split_tables(_groups(modules, decay), modules)), lr=lr, betas=(recipe.momentum, MUON_BETA2))
    return AdamW(_fused(_groups(modules, decay)), lr=lr, betas=(recipe.momentum, BETA2))


def filled(value: float | None, default: float) -> float:
    """`value`, or the default where it is None."""
    return default if value is None else value


def sgd(*modules: nn.Module, lr: float, momentum: float, weight_decay: float) -> FusedSGD:
    """The reference's optimiser over the modules' parameters; groups carry their "name"."""
    return FusedSGD(_groups(modules, weight_decay), lr=lr, momentum=momentum)


def _groups(modules: Sequence[nn.Module], weight_decay: float) -> list[dict[str, Any]]:
    return [
        {"name": name, "params": parameters, "weight_decay": weight_decay if name == DECAY else 0.0}
        for name, parameters in parameter_groups(*modules).items()
        if parameters
    ]


def _fused(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """AdamW's kernel for whole groups on a CPU, where a network's many vectors take longer to call than to compute.

    For vectors only: the kernel takes no notice of strides (see `FusedSGD`), and a vector has none that matter.
    """
    for group in groups:
        if all(p.device.type == "cpu" and p.numel() == max(p.shape, default=1) for p in group["params"]):
            group["fused"] = True
    return groups


def _split_tables(groups: list[dict[str, Any]], modules: Sequence[nn.Module]) -> list[dict[str, Any]]:
    """The decaying group in two: matrices, to be orthogonalised, and embeddings, whose rows mean one thing each."""
    tables = {id(part.weight) for module in modules for part in module.modules() if isinstance(part, nn.Embedding)}
    split = []
    for group in groups:
        decays = group["name"] == DECAY
        for chosen, orthogonal in ((True, False), (False, True)) if decays else ((None, False),):
            parameters = [p for p in group["params"] if chosen is None or (id(p) in tables) == chosen]
            if parameters:
                split.append(group | {"params": parameters, "orthogonal": orthogonal})
    return split


@dataclass(frozen=True, slots=True)
class Rates:
    """What the optimiser is set to for one update."""

    lr: float
    lr_biases: float
    momentum: float

    def apply(self, optimizer: Optimizer) -> None:
        for group in optimizer.param_groups:
            group["lr"] = self.lr_biases if group["name"] == BIASES else self.lr
            if "betas" in group:
                group["betas"] = (self.momentum, group["betas"][1])
            else:
                group["momentum"] = self.momentum


def cosine(progress: float, final: float) -> float:
    """The learning rate as a fraction of its top: 1 at the start, `final` at the end, half a cosine between."""
    return final + (1.0 - final) * (1.0 + math.cos(math.pi * progress)) / 2.0


def rates(recipe: Recipe, plan: Plan, iteration: int) -> Rates:
    """Rates for the update that ends the given iteration (from 0).

    The cosine of the reference moves once an epoch, here with every update. In the warm-up the weights' rate rises from
    0 to the cosine, the biases' falls from `warmup_bias_lr` to it, and the momentum rises. (The reference also lets the
    accumulation rise from one batch; here it is constant, so that a place in the run says how far its update is.)
    """
    own = OPTIMIZERS[recipe.optimizer]
    lr = filled(recipe.lr, own.lr) * cosine(plan.progress(iteration), recipe.lr_final)
    if iteration >= plan.warmup:
        return Rates(lr, lr, recipe.momentum)
    done = iteration / plan.warmup
    bias_lr = filled(recipe.warmup_bias_lr, own.warmup_bias_lr)
    return Rates(
        lr=lr * done,
        lr_biases=bias_lr + (lr - bias_lr) * done,
        momentum=recipe.warmup_momentum + (recipe.momentum - recipe.warmup_momentum) * done,
    )
