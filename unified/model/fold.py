"""Folding: the same function without codes and without batch norms, for inference (§4.4 of arXiv 2105.04206).

`fold(model)` returns a copy in eval mode. After it no implicit code is left: parameters and operations are exactly
those of the plain model. What cannot be folded exactly is refused with the reason, never approximated.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import chain
from typing import Protocol, TypeVar, runtime_checkable

import torch
from torch import nn

from unified.model.implicit import ImplicitCode
from unified.model.operators import FoldError

M = TypeVar("M", bound=nn.Module)


@runtime_checkable
class Foldable(Protocol):
    """A module that knows its plain equivalent."""

    def fold(self) -> nn.Module:
        """The module that computes the same in eval mode with fewer parts."""


def fold(model: M) -> M:
    """A folded copy of `model` in eval mode. Computed in float64 on the CPU: not every device has that.

    Raises:
        FoldError: a code stands where folding would change the result.
    """
    device = next((tensor.device for tensor in chain(model.parameters(), model.buffers())), torch.device("cpu"))
    folded = copy.deepcopy(model).eval().cpu()
    _fold_children(folded)
    left = [name for name, module in folded.named_modules() if isinstance(module, ImplicitCode)]
    if left:
        raise FoldError(f"codes outside any foldable layer: {', '.join(left)}")
    return folded.to(device)


def _fold_children(module: nn.Module) -> None:
    for name, child in module.named_children():
        # A coded layer inside another foldable layer folds first, so that the outer one sees plain convolutions.
        _fold_children(child)
        if isinstance(child, Foldable):
            setattr(module, name, child.fold())


def fold_norm(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    """The convolution that does what `conv` followed by `norm` does in eval mode."""
    if norm.running_mean is None or norm.running_var is None:
        raise FoldError("a batch norm without running statistics depends on the batch and cannot be folded")
    mean, var = norm.running_mean.double(), norm.running_var.double()
    learnt = {name: parameter.detach().double() for name, parameter in norm.named_parameters()}  # a norm may have none
    scale = (var + norm.eps).rsqrt() * learnt.get("weight", torch.ones_like(mean))
    shift = learnt.get("bias", torch.zeros_like(mean))
    bias = mean.new_zeros(mean.shape) if conv.bias is None else conv.bias.detach().double()
    folded = copy.deepcopy(conv)
    with torch.no_grad():
        folded.weight.copy_(conv.weight.double() * scale.view(-1, 1, 1, 1))
        folded.bias = nn.Parameter(((bias - mean) * scale + shift).to(conv.weight.dtype))
    return folded


def fold_sequence(layers: Sequence[nn.Module]) -> list[nn.Module]:
    """The layers without codes, and without batch norms that follow a convolution.

    Every code goes into the convolution next to it: the previous one, equation (10), else the next one, equation (9).

    Raises:
        FoldError: neither neighbour is a convolution, or both refuse; the message gives each reason.
    """
    out = _fold_norms(list(layers))
    while (place := next((i for i, layer in enumerate(out) if isinstance(layer, ImplicitCode)), None)) is not None:
        # A code between a convolution and its norm goes into the convolution first, then the norm can follow.
        out = _fold_norms(_fold_code(out, place))
    return out


def _fold_norms(layers: list[nn.Module]) -> list[nn.Module]:
    out: list[nn.Module] = []
    for layer in layers:
        if out and isinstance(layer, nn.BatchNorm2d) and isinstance(out[-1], nn.Conv2d):
            out[-1] = fold_norm(out[-1], layer)
        else:
            out.append(layer)
    return out


def _fold_code(layers: list[nn.Module], place: int) -> list[nn.Module]:
    code = layers[place]
    assert isinstance(code, ImplicitCode)
    g = code.g().detach()
    reasons = []
    before = layers[place - 1] if place else None
    after = layers[place + 1] if place + 1 < len(layers) else None
    if isinstance(before, nn.Conv2d):
        try:
            return [*layers[: place - 1], code.operator.fold_previous(g, before), *layers[place + 1 :]]
        except FoldError as error:
            reasons.append(f"before it: {error}")
    else:
        reasons.append(f"before it: {_obstacle(before)}")
    if isinstance(after, nn.Conv2d):
        try:
            return [*layers[:place], code.operator.fold_next(g, after), *layers[place + 2 :]]
        except FoldError as error:
            reasons.append(f"after it: {error}")
    else:
        reasons.append(f"after it: {_obstacle(after)}")
    raise FoldError(f"the code ({code.extra_repr()}) cannot be folded; " + "; ".join(reasons))


def _obstacle(layer: nn.Module | None) -> str:
    if layer is None:
        return "no layer"
    return f"{type(layer).__name__} is not a convolution, and folding across it would change the result"
