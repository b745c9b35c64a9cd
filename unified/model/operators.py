"""How g(z) meets f(x): the operators ⋆ of equation (3), arXiv 2105.04206, and how each folds into a convolution.

    add       f + g                shifts the manifold            kernel space alignment, §3.2
    mul       f · g                scales it                      refinement, §5.5
    concat    [f, g]               lets g be a condition
    select    f · 2σ(g)            gates every channel            §3: selection; 2σ(0) = 1 leaves f as it is
    project   P f, P = g           inner product                  §3.1: manifold space reduction
    rank_one  f + g⟨g, f⟩          not of the paper: the control, as many plain weights that look at the picture

Folding makes g(z) vanish at inference: equation (9) into the next convolution, (10) into the previous one. It is exact
or refused with the reason. The arithmetic is done in float64 whatever the weights are.

Letters: B batch, C channels, G groups, O outputs of a convolution, k its kernel side, (rows, n) the shape of g.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from unified.errors import ConfigError


class FoldError(ValueError):
    """The code cannot be folded here without changing the result; the message says why."""


class Operator(Protocol):
    """One way for g(z) to meet f(x)."""

    def centre(self, channels: int) -> Tensor:
        """The g around which codes start, (rows, n): the neutral element where there is one."""

    def out_channels(self, channels: int) -> int:
        """Channels after the operator."""

    def __call__(self, x: Tensor, g: Tensor) -> Tensor:
        """x (B, C, H, W), g (rows, n) → (B, C', H, W)."""

    def fold_next(self, g: Tensor, conv: nn.Conv2d) -> nn.Conv2d:
        """The convolution that alone does what the code followed by `conv` does, equation (9)."""

    def fold_previous(self, g: Tensor, conv: nn.Conv2d) -> nn.Conv2d:
        """The convolution that alone does what `conv` followed by the code does, equation (10)."""


@dataclass(frozen=True)
class Add:
    """f + g."""

    def centre(self, channels: int) -> Tensor:
        return torch.zeros(1, channels)

    def out_channels(self, channels: int) -> int:
        return channels

    def __call__(self, x: Tensor, g: Tensor) -> Tensor:
        return x + g.view(1, -1, 1, 1)

    def fold_next(self, g: Tensor, conv: nn.Conv2d) -> nn.Conv2d:
        _refuse_padding("add", conv)
        weight, bias = _double(conv)
        return _with(conv, weight, bias + _constant_response(weight, g.double().flatten(), conv.groups))

    def fold_previous(self, g: Tensor, conv: nn.Conv2d) -> nn.Conv2d:
        weight, bias = _double(conv)
        return _with(conv, weight, bias + g.double().flatten())


@dataclass(frozen=True)
class Mul:
    """f · g."""

    def centre(self, channels: int) -> Tensor:
        return torch.ones(1, channels)

    def out_channels(self, channels: int) -> int:
        return channels

    def __call__(self, x: Tensor, g: Tensor) -> Tensor:
        return x * g.view(1, -1, 1, 1)

    def fold_next(self, g: Tensor, conv: nn.Conv2d) -> nn.Conv2d:
        weight, bias = _double(conv)
        return _with(conv, _scale_inputs(weight, g.double().flatten(), conv.groups), bias)

    def fold_previous(self, g: Tensor, conv: nn.Conv2d) -> nn.Conv2d:
        weight, bias = _double(conv)
        scale = g.double().flatten()
        return _with(conv, weight * scale.view(-1, 1, 1, 1), bias * scale)


@dataclass(frozen=True)
class Select:
    """f · 2σ(g): a gate in (0, 2) for every channel."""

    def centre(self, channels: int) -> Tensor:
        return torch.zeros(1, channels)

    def out_channels(self, channels: int) -> int:
        return channels

    def __call__(self, x: Tensor, g: Tensor) -> Tensor:
        return Mul()(x, self.gate(g))

    @staticmethod
    def gate(g: Tensor) -> Tensor:
        """The factor of each channel, 2σ(g)."""
        return 2 * torch.sigmoid(g)

    def fold_next(self, g: Tensor, conv: nn.Conv2d) -> nn.Conv2d:
        return Mul().fold_next(self.gate(g.double()), conv)

    def fold_previous(self, g: Tensor, conv: nn.Conv2d) -> nn.Conv2d:
        return Mul().fold_previous(self.gate(g.double()), conv)


@dataclass(frozen=True)
class Concat:
    """[f, g]: as many constant channels as features; `groups` > 1 gives each group of the next convolution its own."""

    groups: int = 1

    def centre(self, channels: int) -> Tensor:
        return torch.zeros(1, channels)

    def out_channels(self, channels: int) -> int:
        return 2 * channels

    def __call__(self, x: Tensor, g: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        x = x.reshape(batch, self.groups, channels // self.groups, height, width)
        g = g.view(1, self.groups, channels // self.groups, 1, 1).expand_as(x)
        return torch.cat([x, g], dim=2).flatten(1, 2)  # (B, 2C, H, W)

    def fold_next(self, g: Tensor, conv: nn.Conv2d) -> nn.Conv2d:
        _refuse_padding("concat", conv)
        conv = _in_groups(conv, self.groups)
        weight, bias = _double(conv)
        of_features, of_code = weight.chunk(2, dim=1)  # inputs of a group: its features, then its constants
        return _with(conv, of_features, bias + _constant_response(of_code, g.double().flatten(), conv.groups))

    def fold_previous(self, g: Tensor, conv: nn.Conv2d) -> nn.Conv2d:
        raise FoldError("concat adds channels, so it folds into the convolution after it, not into the one before")


@dataclass(frozen=True)
class Project:
    """P f with P = g: each output channel is the inner product of the features with one row of the code.

    `dimensions` outputs, as many as inputs by default (P then starts near the identity; with fewer it starts as an
    orthonormal projection, §3.1's reduction). With `groups` > 1 every group is projected by itself.
    """

    dimensions: int | None = None
    groups: int = 1

    def centre(self, channels: int) -> Tensor:
        per_group = self._outputs(channels) // self.groups
        inputs = channels // self.groups
        one = torch.eye(inputs) if per_group == inputs else _orthonormal_rows(per_group, inputs)
        return one.repeat(self.groups, 1)  # (G · D/G, C/G)

    def out_channels(self, channels: int) -> int:
        return self._outputs(channels)

    def __call__(self, x: Tensor, g: Tensor) -> Tensor:
        return nn.functional.conv2d(x, g[:, :, None, None], groups=self.groups)

    def fold_next(self, g: Tensor, conv: nn.Conv2d) -> nn.Conv2d:
        conv = _in_groups(conv, self.groups)
        weight, bias = _double(conv)
        w = weight.view(self.groups, -1, *weight.shape[1:])  # (G, O/G, D/G, k, k)
        p = g.double().view(self.groups, -1, g.shape[1])  # (G, D/G, C/G)
        return _with(conv, torch.einsum("goikl,gic->gockl", w, p).flatten(0, 1), bias)

    def fold_previous(self, g: Tensor, conv: nn.Conv2d) -> nn.Conv2d:
        conv = _in_groups(conv, self.groups)
        weight, bias = _double(conv)
        w = weight.view(self.groups, -1, *weight.shape[1:])  # (G, O/G, C/G, k, k)
        p = g.double().view(self.groups, -1, g.shape[1])  # (G, D/G, O/G)
        projected = torch.einsum("gdo,gockl->gdckl", p, w).flatten(0, 1)
        return _with(conv, projected, torch.einsum("gdo,go->gd", p, bias.view(self.groups, -1)).flatten())

    def _outputs(self, channels: int) -> int:
        return self.dimensions or channels


@dataclass(frozen=True)
class RankOne:
    """f + g⟨g, f⟩: the control for the codes, with exactly as many parameters that act as ordinary weights do.

    A rank-one change of the next convolution's weight, W (I + g gᵀ): what it adds depends on the picture, and is no
    constant of the task. In `groups` every group is for itself.
    """

    groups: int = 1

    def centre(self, channels: int) -> Tensor:
        return torch.zeros(1, channels)

    def out_channels(self, channels: int) -> int:
        return channels

    def __call__(self, x: Tensor, g: Tensor) -> Tensor:
        return Project(groups=self.groups)(x, self.matrix(g))

    def matrix(self, g: Tensor) -> Tensor:
        """I + g gᵀ of every group, (C, C/G)."""
        parts = g.view(self.groups, -1)
        one = torch.eye(parts.shape[1], dtype=g.dtype, device=g.device)
        return (one + parts[:, :, None] * parts[:, None, :]).flatten(0, 1)

    def fold_next(self, g: Tensor, conv: nn.Conv2d) -> nn.Conv2d:
        return Project(groups=self.groups).fold_next(self.matrix(g.double()), conv)

    def fold_previous(self, g: Tensor, conv: nn.Conv2d) -> nn.Conv2d:
        return Project(groups=self.groups).fold_previous(self.matrix(g.double()), conv)


def _orthonormal_rows(rows: int, columns: int) -> Tensor:
    """The first rows of the orthonormal cosine transform: the same on every machine, as nothing stores them."""
    if rows > columns:
        raise ConfigError(f"codes: dimensions: got {rows}; allowed: at most {columns}, as many as there are to project")
    k, n = torch.arange(rows).double()[:, None], torch.arange(columns).double()[None]
    basis: Tensor = torch.cos(torch.pi / columns * (n + 0.5) * k) * (2 / columns) ** 0.5
    basis[0] /= 2**0.5
    return basis.float()


def _refuse_padding(name: str, conv: nn.Conv2d) -> None:
    padding = conv.padding if isinstance(conv.padding, str) else max(conv.padding)
    if padding not in (0, "valid"):
        raise FoldError(
            f"{name} before a padded {conv.kernel_size[0]}×{conv.kernel_size[1]} convolution is not a constant: "
            "at the border the padding is zero, not g, so no bias can replace it"
        )


def _in_groups(conv: nn.Conv2d, groups: int) -> nn.Conv2d:
    """`conv` in the operator's groups: a code that mixes all channels makes a grouped convolution a full one."""
    if conv.groups == groups:
        return conv
    if groups != 1:
        raise FoldError(f"a code in {groups} groups meets a convolution of {conv.groups}; they must agree")
    weight, bias = _double(conv)
    blocks = weight.view(conv.groups, -1, *weight.shape[1:])  # (G, O/G, C/G, k, k)
    full = weight.new_zeros(conv.groups, blocks.shape[1], conv.groups, *weight.shape[1:])
    full.diagonal(dim1=0, dim2=2).copy_(blocks.permute(1, 2, 3, 4, 0))
    dense = full.flatten(2, 3).flatten(0, 1)  # (O, C, k, k)
    return _with(conv, dense, bias, groups=1)


def _double(conv: nn.Conv2d) -> tuple[Tensor, Tensor]:
    """Weight (O, C/G, k, k) and bias (O,) in float64, the bias 0 where there is none."""
    weight = conv.weight.detach().double()
    return weight, weight.new_zeros(len(weight)) if conv.bias is None else conv.bias.detach().double()


def _scale_inputs(weight: Tensor, scale: Tensor, groups: int) -> Tensor:
    """Weight whose input channels are multiplied by `scale` (C,)."""
    outputs, inputs = weight.shape[:2]
    per_output = scale.view(groups, 1, inputs).expand(groups, outputs // groups, inputs).reshape(outputs, inputs)
    return weight * per_output[:, :, None, None]


def _constant_response(weight: Tensor, constant: Tensor, groups: int) -> Tensor:
    """What the convolution answers, (O,), to input channels that are constant over the map."""
    return _scale_inputs(weight, constant, groups).sum(dim=(1, 2, 3))


def _with(conv: nn.Conv2d, weight: Tensor, bias: Tensor, *, groups: int | None = None) -> nn.Conv2d:
    """A convolution like `conv` with these float64 values, in conv's own precision."""
    groups = groups or conv.groups
    folded = nn.Conv2d(
        weight.shape[1] * groups,
        len(weight),
        conv.kernel_size,  # type: ignore[arg-type]
        conv.stride,  # type: ignore[arg-type]
        conv.padding,  # type: ignore[arg-type]
        conv.dilation,  # type: ignore[arg-type]
        groups,
        padding_mode=conv.padding_mode,
        device=conv.weight.device,
        dtype=conv.weight.dtype,
    )
    with torch.no_grad():
        folded.weight.copy_(weight)
        assert folded.bias is not None
        folded.bias.copy_(bias)
    return folded.train(conv.training)
