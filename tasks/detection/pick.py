"""Take from a raw map what the loss reads, and give back one gradient map."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .head import OBJECTNESS

Cell = tuple[Tensor, Tensor, Tensor, Tensor]  # image, anchor, row, column, (P,) int64 each


def pick(maps: Tensor, cell: Cell) -> tuple[Tensor, Tensor]:
    """(B, A, 5+K, H, W) → the channels at the P cells (P, 5+K), and the objectness of all cells (B, A, H, W)."""
    rows, objectness = _Pick.apply(maps, *cell)
    return rows, objectness


class _Pick(torch.autograd.Function):
    """Plain indexing, but its gradient is one map in the memory format of the input.

    Autograd would fill a map of zeros for each of the two readings, both in the default format, add them up and convert
    the sum for the channels-last convolution: on a CPU most of the time of the whole loss.
    """

    @staticmethod
    def forward(ctx: Any, maps: Tensor, *cell: Tensor) -> tuple[Tensor, Tensor]:
        image, anchor, row, column = cell
        ctx.save_for_backward(*cell)
        ctx.layout = maps.shape, maps.stride()
        return maps[image, anchor, :, row, column], maps[:, :, OBJECTNESS].clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        rows, objectness = grads
        image, anchor, row, column = ctx.saved_tensors
        grad = torch.empty_strided(*ctx.layout, dtype=rows.dtype, device=rows.device).zero_()
        grad[:, :, OBJECTNESS] = objectness
        channels = grad.movedim(2, -1)
        # One box may share its cell with another: their gradients add up.
        if rows.device.type != "cpu":
            channels.index_put_((image, anchor, row, column), rows, accumulate=True)
            return grad, None, None, None, None
        # On a CPU that call adds in the order of the threads: no training could be repeated to the bit.
        _, anchors, _, height, width = grad.shape
        cells, which = (((image * anchors + anchor) * height + row) * width + column).unique(return_inverse=True)
        sums = rows.new_zeros(len(cells), rows.shape[1]).index_add_(0, which, rows)
        cell = torch.unravel_index(cells, channels.shape[:-1])
        channels[cell] = channels[cell] + sums
        return grad, None, None, None, None
