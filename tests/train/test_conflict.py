"""Inner products of gradients at the features."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from unified.train.conflict import Conflict, gramians, tapped


class Trunk(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fine, self.coarse = nn.Linear(3, 5), nn.Linear(3, 4)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"p3": self.fine(x), "p4": self.coarse(x)}


def test_they_are_those_of_the_gradients_written_out() -> None:
    trunk, x = Trunk(), torch.randn(2, 3)
    with tapped(trunk) as features:
        out = trunk(x)
    one, two = out["p3"].square().sum() + out["p4"].sum(), (out["p3"] * 3).sum()
    found = gramians({"one": one, "two": two, "absent": None}, features)
    gradients = {"p3": [2 * out["p3"].detach(), torch.full((2, 5), 3.0)], "p4": [torch.ones(2, 4), torch.zeros(2, 4)]}
    for level, own in enumerate(gradients.values()):
        rows = [*own, torch.zeros_like(own[0])]
        naive = torch.tensor([[float((a * b).sum()) for b in rows] for a in rows])
        torch.testing.assert_close(found[level], naive)


def test_looking_changes_no_gradient() -> None:
    trunk, x = Trunk(), torch.randn(2, 3)
    with tapped(trunk) as features:
        loss = trunk(x)["p3"].square().sum()
    gramians({"a": loss}, features)
    assert all(parameter.grad is None for parameter in trunk.parameters())
    loss.backward()
    assert trunk.fine.weight.grad is not None


def test_a_frozen_trunk_has_a_gradient_at_its_features_too() -> None:
    trunk = Trunk().requires_grad_(False)
    with tapped(trunk) as features:
        loss = trunk(torch.randn(2, 3))["p3"].square().sum()
    assert gramians({"a": loss}, features)[0, 0, 0] > 0
    assert not trunk._forward_hooks, "nothing is left behind"


@pytest.mark.parametrize("degrees", [0, 60, 90, 135, 180])
def test_cosines_and_norms_are_told_by_level_and_altogether(degrees: int) -> None:
    angle = math.radians(degrees)
    a, b = torch.tensor([2.0, 0.0]), 3 * torch.tensor([math.cos(angle), math.sin(angle)])
    level = torch.stack([a, b]) @ torch.stack([a, b]).T
    numbers = Conflict(("x", "y"), ("p3", "p4"), torch.stack([level, torch.zeros(2, 2)])).numbers()
    assert numbers["cosine/p3/x/y"] == numbers["cosine/all/x/y"] == pytest.approx(math.cos(angle), abs=1e-6)
    assert [numbers["norm/p3/x"], numbers["norm/all/y"]] == pytest.approx([2, 3])
    assert numbers["cosine/p4/x/y"] == numbers["norm/p4/x"] == 0, "a level that no task uses"
