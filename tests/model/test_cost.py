"""Counting: on toys whose cost is plain arithmetic."""

from __future__ import annotations

from dataclasses import asdict

import pytest
import torch
from torch import Tensor, nn

from unified.model.code_spec import CodeSpec
from unified.model.cost import count
from unified.model.places import CodedConv


def test_a_convolution_costs_its_multiply_accumulates_and_biases() -> None:
    cost = count(nn.Conv2d(3, 8, 3, stride=2, padding=1), 16)
    assert cost.conv_macs == 8 * 8 * 8 * 27
    assert cost.bias_adds == 8 * 8 * 8
    assert cost.flops == cost.fused_flops == 2 * (cost.conv_macs + cost.bias_adds)
    assert cost.parameters == cost.fused_parameters == 8 * 27 + 8


def test_groups_divide_the_work() -> None:
    assert count(nn.Conv2d(3, 6, 3, padding=1, groups=3, bias=False), 8).conv_macs == 64 * 6 * 9


@pytest.mark.parametrize("bias", [False, True])
def test_a_norm_after_a_convolution_folds_into_it(bias: bool) -> None:
    cost = count(nn.Sequential(nn.Conv2d(3, 8, 1, bias=bias), nn.BatchNorm2d(8)), 4)
    elements = 8 * 16
    assert cost.bn_elements == elements
    assert cost.fused_parameters == 24 + 8
    assert cost.fused_flops == 2 * (3 * elements + elements)


class Joint(nn.Module):
    """A norm over a concatenation of two convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.bn = nn.Conv2d(3, 4, 1, bias=False), nn.Conv2d(3, 4, 1, bias=False), nn.BatchNorm2d(8)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.bn(torch.cat([self.a(x), self.b(x)], dim=1))
        return y


def test_a_norm_over_a_concatenation_stays() -> None:
    cost = count(Joint(), 4)
    assert cost.fused_parameters == cost.parameters == 24 + 16
    assert cost.fused_flops == cost.flops


def coded(**options: object) -> CodedConv:
    add, mul = CodeSpec(operator="add"), CodeSpec(operator="mul")
    return CodedConv(3, 10, align=add.align(3), refine=mul.refine(10, **options))  # type: ignore[arg-type]


def test_codes_are_counted_apart_additions_free_and_multiplications_once() -> None:
    cost = count(coded(), 4)
    assert cost.code_parameters == 3 + 10
    assert cost.code_operations == 10 * 16
    assert cost.flops == count(nn.Conv2d(3, 10, 1), 4).flops


def test_a_code_on_some_outputs_costs_only_those() -> None:
    assert count(coded(index=torch.tensor([2, 3])), 4).code_operations == 2 * 16


def test_a_small_probe_gives_the_same_counts() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.SiLU(), coded_after(4))
    assert asdict(count(model, 64)) == asdict(count(model, 64, probe=8))


def coded_after(channels: int) -> nn.Module:
    return CodedConv(channels, 10, refine=CodeSpec(operator="mul").refine(10))


def test_the_model_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4).eval(), nn.Dropout())
    before = {key: value.clone() for key, value in model.state_dict().items()}
    count(model, 8)
    assert [module.training for module in model] == [True, False, True]
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


def test_a_model_on_the_meta_device_can_be_counted() -> None:
    with torch.device("meta"):
        model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    assert count(model, 8).parameters == 24
