from __future__ import annotations

import pytest
import torch
from torch import nn

from unified.model import convolution
from unified.model.convolution import Convolution, neighbourhoods


def test_weights_and_output_are_those_of_the_convolution() -> None:
    ours, plain = Convolution(4, 6, bias=True), nn.Conv2d(4, 6, 1)
    plain.load_state_dict(ours.state_dict())
    x = torch.randn(2, 4, 5, 3)
    assert torch.equal(ours(x), plain(x))


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("bias", [True, False])
def test_the_product_over_pixels_is_the_convolution_and_so_are_its_gradients(
    bias: bool, memory: torch.memory_format
) -> None:
    layer = Convolution(4, 6, bias=bias).to(memory_format=memory)
    x = torch.randn(2, 4, 5, 3).to(memory_format=memory).requires_grad_()
    leaves = [x, *layer.parameters()]
    upstream = torch.randn(2, 6, 5, 3)

    def seen(training: bool) -> tuple[torch.Tensor, ...]:
        with torch.autocast("cpu", torch.bfloat16):
            y = layer.train(training)(x)
        assert y.dtype == torch.bfloat16
        return y.float(), *torch.autograd.grad(y.float(), leaves, upstream)

    for product, expected in zip(seen(True), seen(False), strict=True):
        torch.testing.assert_close(product, expected, rtol=2e-2, atol=2e-2)


def test_in_training_under_autocast_it_is_a_product_and_else_a_convolution(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = Convolution(4, 6), torch.randn(1, 4, 2, 2)
    monkeypatch.setattr(nn.Conv2d, "forward", lambda self, x: "convolution")
    assert layer(x) == "convolution"
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x).shape == (1, 6, 2, 2)
        assert layer.eval()(x) == "convolution"


def test_the_gradient_is_laid_out_as_the_weight_is() -> None:
    # Several processes exchange gradients in the weights' layout, and copy what comes in another.
    layer = Convolution(4, 6).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        layer(torch.randn(2, 4, 5, 3)).sum().backward()
    assert layer.weight.grad is not None and layer.weight.grad.stride() == layer.weight.stride()


@pytest.mark.parametrize(("k", "stride"), [(3, 1), (3, 2), (5, 1), (1, 2)])
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_over_few_pixels_outputs_and_gradients_are_those_of_the_convolution(
    k: int, stride: int, memory: torch.memory_format
) -> None:
    layer = Convolution(8, 6, k, stride).to(memory_format=memory)
    x = torch.randn(1, 8, 5, 3).to(memory_format=memory).requires_grad_()
    plain = nn.Conv2d(8, 6, k, stride, padding=k // 2, bias=False)
    plain.load_state_dict(layer.state_dict())
    upstream = torch.randn_like(plain(x))
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x)
    assert y.dtype == torch.bfloat16
    ours = y.float(), *torch.autograd.grad(y.float(), [x, layer.weight], upstream)
    theirs = plain(x), *torch.autograd.grad(plain(x), [x, plain.weight], upstream)
    for product, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(product, expected, rtol=2e-2, atol=4e-2)


def test_a_neighbourhood_is_what_one_output_sees() -> None:
    x, weight = torch.randn(2, 3, 6, 5), torch.randn(4, 3, 3, 3)
    seen = neighbourhoods(x, 3, 2)
    product = (seen @ weight.permute(0, 2, 3, 1).flatten(1).t()).view(2, 3, 3, 4).permute(0, 3, 1, 2)
    torch.testing.assert_close(product, nn.functional.conv2d(x, weight, stride=2, padding=1))


def test_neighbourhoods_are_copied_only_where_pixels_are_fewer_than_weights_of_an_output(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copied: list[torch.Size] = []

    def watched(x: torch.Tensor, k: int, stride: int) -> torch.Tensor:
        copied.append(x.shape)
        return neighbourhoods(x, k, stride)

    monkeypatch.setattr(convolution, "neighbourhoods", watched)
    layer = Convolution(8, 6, 3)
    for side in (8, 9):  # 64 and 81 pixels, 72 weights
        with torch.autocast("cpu", torch.bfloat16):
            layer(torch.randn(1, 8, side, side)).sum().backward()
    assert copied == [(1, 8, 8, 8)]


def test_gradients_of_several_losses_may_be_asked_for_at_once() -> None:
    layer, x = Convolution(8, 6, 3), torch.randn(1, 8, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        losses = layer(x).float().mean((0, 2, 3))
    (at_once,) = torch.autograd.grad(losses, layer.weight, torch.eye(6), retain_graph=True, is_grads_batched=True)
    for i, gradient in enumerate(at_once):
        (alone,) = torch.autograd.grad(losses[i], layer.weight, retain_graph=True)
        torch.testing.assert_close(gradient, alone)


def test_a_frozen_weight_costs_no_product(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = Convolution(8, 6, 3).requires_grad_(False), torch.randn(1, 8, 4, 4, requires_grad=True)
    monkeypatch.delattr(convolution, "neighbourhoods")
    with torch.autocast("cpu", torch.bfloat16):
        layer(x).sum().backward()
    assert x.grad is not None and layer.weight.grad is None
