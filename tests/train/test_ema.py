"""The averaged weights."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tests.train.toys import toy_model
from unified.train.ema import Ema


def model() -> nn.Module:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    net.register_buffer("anchors", torch.tensor([0.1, 1 / 3, 10.0]))
    net.register_buffer("wide", torch.tensor([0.5], dtype=torch.float64))
    return net


def test_it_equals_the_sum_written_out() -> None:
    net = model()
    ema = Ema(net, decay=0.9, tau=3.0)
    expected = {name: value.double().clone() for name, value in ema.model.state_dict().items()}
    for t in range(1, 6):
        for value in net.state_dict().values():
            value.add_(t)
        ema.update(net)
        d = 0.9 * (1 - math.exp(-t / 3.0))
        assert ema.decay_at(t) == pytest.approx(d)
        expected = {name: d * expected[name] + (1 - d) * value for name, value in net.state_dict().items()}
    for name, value in ema.model.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value.double(), expected[name], rtol=1e-5, atol=1e-5)


def test_statistics_are_averaged_and_counters_copied() -> None:
    net = model()
    ema = Ema(net, decay=0.5, tau=1e-9)
    net(torch.randn(2, 3, 8, 8) + 4)
    ema.update(net)
    state, own = net.state_dict(), ema.model.state_dict()
    torch.testing.assert_close(own["1.running_mean"], state["1.running_mean"] / 2)
    assert own["1.num_batches_tracked"] == 1


def test_what_never_changes_stays_exact() -> None:
    net = model()
    ema = Ema(net, decay=0.9999, tau=2000)
    for _ in range(1000):
        ema.update(net)
    assert ema.model.state_dict()["anchors"].equal(net.state_dict()["anchors"])


def test_no_decay_is_no_average() -> None:
    net = model()
    ema = Ema(net, decay=0.0, tau=1.0)
    for value in net.state_dict().values():
        value.add_(1)
    ema.update(net)
    assert all(value.equal(net.state_dict()[name]) for name, value in ema.model.state_dict().items())


def test_the_average_is_apart_from_the_model_and_ready_to_evaluate() -> None:
    net = toy_model()
    ema = Ema(net, decay=0.9, tau=1.0)
    assert not ema.model.training
    assert net.training
    assert not any(parameter.requires_grad for parameter in ema.model.parameters())
    own = {parameter.data_ptr() for parameter in ema.model.parameters()}
    assert own.isdisjoint(parameter.data_ptr() for parameter in net.parameters())
