"""Where a code meets the features: `align` before a head's last 1×1 convolution, `refine` after it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unified.model.fold import fold_sequence
from unified.model.implicit import ImplicitCode


class CodedConv(nn.Module):
    """A 1×1 convolution with a code before it, one after it, both or none; folds into the convolution alone.

    (B, in_channels, H, W) → (B, out_channels, H, W).

    With `clusters` > 1 the `align` code has a part for every anchor cluster, and the c-th share of the outputs sees
    the features through the c-th part. The weight keeps the shape of the plain convolution.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        align: ImplicitCode | None = None,
        refine: ImplicitCode | None = None,
        clusters: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.clusters = clusters
        seen = in_channels * clusters if align is None else align.out_channels
        self.align = align
        self.conv = nn.Conv2d(seen, out_channels, 1, groups=clusters, bias=bias)
        self.refine = refine

    def forward(self, x: Tensor) -> Tensor:
        if self.clusters > 1:
            x = x.repeat(1, self.clusters, 1, 1)
        if self.align is not None:
            x = self.align(x)
        x = self.conv(x)
        return x if self.refine is None else self.refine(x)

    def fold(self) -> nn.Conv2d:
        """The plain 1×1 convolution that computes the same."""
        (conv,) = fold_sequence([self.conv] if self.align is None else [self.align, self.conv])
        assert isinstance(conv, nn.Conv2d)
        if self.clusters > 1:
            conv = _shared_input(conv)
        (conv,) = fold_sequence([conv] if self.refine is None else [conv, self.refine])
        assert isinstance(conv, nn.Conv2d)
        return conv


def codes_of(convs: nn.ModuleDict) -> dict[str, ImplicitCode]:
    """{"align/p3": code, …, "refine/p3": code, …} of convolutions by level; empty once they are folded."""
    coded = {level: conv for level, conv in convs.items() if isinstance(conv, CodedConv)}
    align = {f"align/{level}": conv.align for level, conv in coded.items()}
    refine = {f"refine/{level}": conv.refine for level, conv in coded.items()}
    return {place: code for place, code in (align | refine).items() if code is not None}


def _shared_input(conv: nn.Conv2d) -> nn.Conv2d:
    """A grouped 1×1 convolution whose groups all see the same features, as a plain one: the weight is the same."""
    plain = nn.Conv2d(
        conv.in_channels // conv.groups, conv.out_channels, 1, bias=conv.bias is not None,
        device=conv.weight.device, dtype=conv.weight.dtype,
    )  # fmt: skip
    with torch.no_grad():
        plain.weight.copy_(conv.weight)
        if conv.bias is not None and plain.bias is not None:
            plain.bias.copy_(conv.bias)
    return plain.train(conv.training)
