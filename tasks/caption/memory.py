"""What the decoder looks at: the cells of all levels as tokens.

    m = norm( im_l ⊙ (W_l (pool(x_l) + ia_l) + b_l) + position + level_l )       the codes as in detection

Each level is averaged to at most `grid` × `grid` cells, so that the number of tokens is bounded, whatever the size of
the picture; the average comes first, since it commutes with the convolution and the codes.

Letters: B pictures, N tokens of all levels, d the width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unified.model.code_spec import CodeSpec
from unified.model.implicit import ImplicitCode
from unified.model.places import CodedConv, codes_of
from unified.task import Features

# Sines along each axis, from half a wave over the picture to one wave over a sixteenth of it.
SLOWEST, FASTEST = math.pi, 32 * math.pi
START_SIGMA = 0.02  # of the level embedding, as GPT-2 starts its embeddings


class Memory(nn.Module):
    """{"p3": (B, C, H, W), …} → tokens (B, N, d)."""

    def __init__(
        self,
        channels: Mapping[str, int],
        width: int,
        *,
        grid: int,
        align: CodeSpec | None,
        refine: CodeSpec | None,
    ) -> None:
        super().__init__()
        self.grid = grid
        self.project = nn.ModuleDict()
        for level, c in channels.items():
            self.project[level] = CodedConv(
                c,
                width,
                align=None if align is None else align.align(c),
                refine=None if refine is None else refine.refine(width),
            )
        self.level = nn.Parameter(START_SIGMA * torch.randn(len(channels), width))
        self.norm = nn.LayerNorm(width)

    def forward(self, features: Features) -> Tensor:
        tokens = []
        for (level, project), own in zip(self.project.items(), self.level, strict=True):
            cells = project(pool(features[level], self.grid))  # (B, d, h, w)
            where = positions(cells.shape[2], cells.shape[3], len(own)).to(cells)
            tokens.append(cells.flatten(2).mT + where + own)
        memory: Tensor = self.norm(torch.cat(tokens, dim=1))
        return memory

    def codes(self) -> dict[str, ImplicitCode]:
        """{"align/p3": code, …, "refine/p3": code, …}; empty once folded."""
        return codes_of(self.project)


def pool(cells: Tensor, grid: int) -> Tensor:
    """(B, C, H, W) → (B, C, min(H, grid), min(W, grid)), averages of equal parts."""
    h, w = cells.shape[2:]
    return F.adaptive_avg_pool2d(cells, (min(h, grid), min(w, grid)))


def positions(h: int, w: int, width: int) -> Tensor:
    """(h·w, width): sines and cosines of the place of each cell's centre in the picture, row by row."""
    rate = torch.logspace(math.log2(SLOWEST), math.log2(FASTEST), width // 4, base=2)
    y, x = ((torch.arange(n) + 0.5) / n * rate[:, None] for n in (h, w))  # (width/4, n)
    y, x = y[:, :, None].expand(-1, h, w), x[:, None].expand(-1, h, w)
    return torch.cat([y.sin(), y.cos(), x.sin(), x.cos()]).flatten(1).T
