from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.optim import SGD

from unified.train.fused_sgd import FusedSGD, alike_in_memory


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(4, 6, 3), nn.Conv2d(6, 6, 1), nn.Linear(5, 3))


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_it_moves_as_torch_s_own_does_however_gradients_lie_in_memory(memory: torch.memory_format) -> None:
    ours = network().to(memory_format=memory)
    theirs = copy.deepcopy(ours)
    settings = {"weight_decay": 1e-2, "name": "decay"}
    fused = FusedSGD([{"params": list(ours.parameters()), **settings}], lr=0.1, momentum=0.9)
    plain = SGD([{"params": list(theirs.parameters()), **settings}], lr=0.1, momentum=0.9, nesterov=True)
    for step in range(4):
        for place, (one, other) in enumerate(zip(ours.parameters(), theirs.parameters(), strict=True)):
            if place == 2 and step < 2:  # the kernel of the second layer comes later than the rest
                continue
            other.grad = torch.randn(one.shape)  # contiguous, whatever the parameter is
            one.grad = other.grad.clone()
        fused.step()
        plain.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_on_a_cpu_the_kernel_is_the_fused_one() -> None:
    assert FusedSGD([{"params": [nn.Parameter(torch.ones(2))]}], lr=0.1, momentum=0.9).param_groups[0]["fused"]


def test_axes_of_length_one_make_no_difference_in_memory() -> None:
    kernel = torch.empty(6, 4, 1, 1)
    assert alike_in_memory(kernel, torch.empty(6, 4, 1, 1).to(memory_format=torch.channels_last))
    assert not alike_in_memory(torch.empty(6, 4, 3, 3), torch.empty(6, 4, 3, 3).to(memory_format=torch.channels_last))
    assert not alike_in_memory(torch.empty(3, 4), torch.empty(4, 3).T)
