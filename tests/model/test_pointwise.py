from __future__ import annotations

import pytest
import torch
from torch import nn

from unified.model.pointwise import Pointwise


def test_weights_and_output_are_those_of_the_convolution() -> None:
    ours, plain = Pointwise(4, 6, bias=True), nn.Conv2d(4, 6, 1)
    plain.load_state_dict(ours.state_dict())
    x = torch.randn(2, 4, 5, 3)
    assert torch.equal(ours(x), plain(x))


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("bias", [True, False])
def test_the_product_over_pixels_is_the_convolution_and_so_are_its_gradients(
    bias: bool, memory: torch.memory_format
) -> None:
    layer = Pointwise(4, 6, bias=bias).to(memory_format=memory)
    x = torch.randn(2, 4, 5, 3).to(memory_format=memory).requires_grad_()
    leaves = [x, *layer.parameters()]
    upstream = torch.randn(2, 6, 5, 3)

    def seen(training: bool) -> tuple[torch.Tensor, ...]:
        with torch.autocast("cpu", torch.bfloat16):
            y = layer.train(training)(x)
        assert y.dtype == torch.bfloat16
        return y.float(), *torch.autograd.grad(y.float(), leaves, upstream)

    for product, convolution in zip(seen(True), seen(False), strict=True):
        torch.testing.assert_close(product, convolution, rtol=2e-2, atol=2e-2)


def test_in_training_under_autocast_it_is_a_product_and_else_a_convolution(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = Pointwise(4, 6), torch.randn(1, 4, 2, 2)
    monkeypatch.setattr(nn.Conv2d, "forward", lambda self, x: "convolution")
    assert layer(x) == "convolution"
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x).shape == (1, 6, 2, 2)
        assert layer.eval()(x) == "convolution"


def test_the_gradient_is_laid_out_as_the_weight_is() -> None:
    # Several processes exchange gradients in the weights' layout, and copy what comes in another.
    layer = Pointwise(4, 6).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        layer(torch.randn(2, 4, 5, 3)).sum().backward()
    assert layer.weight.grad is not None and layer.weight.grad.stride() == layer.weight.stride()
