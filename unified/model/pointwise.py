"""1×1 convolutions, which are matrix products over pixels, and are computed as such where that is quicker."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Pointwise(nn.Conv2d):
    """A 1×1 convolution, (B, C, H, W) → (B, C', H, W).

    A product in training in bfloat16 on a CPU: oneDNN computes the weight gradients of bfloat16 convolutions at half
    the rate of their outputs, and those of products sooner (a backward pass of yolor-ssss is up to a tenth shorter).
    """

    def __init__(self, c_in: int, c_out: int, *, bias: bool = False) -> None:
        super().__init__(c_in, c_out, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and x.device.type == "cpu" and torch.is_autocast_enabled("cpu")):
            return super().forward(x)
        pixels = x.permute(0, 2, 3, 1)  # a view; and of channels-last memory a contiguous one
        weight = self.weight.permute(0, 2, 3, 1).flatten(1)  # so that its gradient is laid out as the weight is
        return F.linear(pixels, weight, self.bias).permute(0, 3, 1, 2)
