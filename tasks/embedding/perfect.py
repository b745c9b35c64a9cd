"""The embedding map that a head without error would give."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from unified.task import Target


def perfect_map(target: Target, like: Tensor, stride: int) -> Tensor:
    """(B, D, H, W): over each object the signs that its number draws, zero elsewhere.

    Small boxes are laid over large ones, and each over all cells that reading its box may touch.
    """
    maps = torch.zeros_like(like)
    areas = (target["boxes"][:, 2:] - target["boxes"][:, :2]).prod(1)
    for n in areas.argsort(descending=True).tolist():
        low_x, low_y, high_x, high_y = (target["boxes"][n] / stride - 0.5).tolist()
        rows = slice(max(math.floor(low_y), 0), math.ceil(high_y) + 1)
        columns = slice(max(math.floor(low_x), 0), math.ceil(high_x) + 1)
        generator = torch.Generator().manual_seed(int(target["same"][n]))
        signs = torch.randint(0, 2, (like.shape[1],), generator=generator) * 2 - 1
        maps[target["image"][n], :, rows, columns] = signs.to(like)[:, None, None]
    return maps
