"""Convolutions that train as matrix products where those are quicker: in bfloat16 on a CPU."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.grad import conv2d_input


class Convolution(nn.Conv2d):
    """k×k convolution, (B, C, H, W) → (B, C', H/stride, W/stride), padded so that only `stride` changes the size.

    In bfloat16 oneDNN's weight gradients of convolutions run at half the speed of the forward pass or less; those
    of matrix products are faster. A 1×1 convolution is a product over pixels (a backward pass of yolor-ssss is up
    to a tenth shorter). Of k×k only the weight gradient is computed as one, of the pixels' neighbourhoods, and only
    where pixels are fewer than the weights of an output. There it is as fast with AVX512-BF16 and twice as fast
    with AMX (8 maps of 10×10, 256 channels to 256: 1.7 for 3.5 ms; from 20×20 to 512 at stride 2: 3.4 for 9.0);
    elsewhere it is not.
    """

    def __init__(self, c_in: int, c_out: int, k: int = 1, stride: int = 1, *, bias: bool = False) -> None:
        super().__init__(c_in, c_out, k, stride, padding=k // 2, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and x.device.type == "cpu" and torch.is_autocast_enabled("cpu")):
            return super().forward(x)
        (k, _), (stride, _) = self.kernel_size, self.stride
        if k == stride == 1:
            pixels = x.permute(0, 2, 3, 1)  # a view; and of channels-last memory a contiguous one
            weight = self.weight.permute(0, 2, 3, 1).flatten(1)  # so that its gradient is laid out as the weight is
            return F.linear(pixels, weight, self.bias).permute(0, 3, 1, 2)
        batch, channels, height, width = x.shape
        if self.bias is None and batch * height * width < k * k * channels * stride * stride:
            dtype = torch.get_autocast_dtype("cpu")
            y: Tensor = _WeightGradientAsProduct.apply(x.to(dtype), self.weight.to(dtype), stride)
            return y
        return super().forward(x)


def neighbourhoods(x: Tensor, k: int, stride: int) -> Tensor:
    """(B, C, H, W) → (B·H'·W', k·k·C): what a padded k×k convolution sees around each pixel of its output."""
    padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, *(k // 2,) * 4))
    windows = padded.unfold(1, k, stride).unfold(2, k, stride)  # (B, H', W', C, k, k), a view
    return windows.permute(0, 1, 2, 4, 5, 3).flatten(0, 2).flatten(1)


class _WeightGradientAsProduct(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor, weight: Tensor, stride: int) -> Tensor:
        return F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, int], output: Tensor) -> None:
        x, weight, ctx.stride = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (x, weight), stride, k = ctx.saved_tensors, ctx.stride, ctx.saved_tensors[1].shape[-1]
        of_x = of_weight = None
        if ctx.needs_input_grad[0]:
            of_x = conv2d_input(x.shape, weight, upstream, stride, k // 2)
        if ctx.needs_input_grad[1]:
            pixels = upstream.permute(0, 2, 3, 1).reshape(-1, weight.shape[0])
            product = pixels.t() @ neighbourhoods(x, k, stride)
            of_weight = product.view(-1, k, k, weight.shape[1]).permute(0, 3, 1, 2)
        return of_x, of_weight, None
