"""One trunk, many tasks: the trunk runs once, losses come out of forward, Markov codes find their source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unified.data.sample import Sample
from unified.errors import ConfigError
from unified.model.code_spec import CodeSpec
from unified.model.fold import fold
from unified.model.implicit import ImplicitCode
from unified.model.multitask import MultiTaskModel
from unified.model.places import CodedConv
from unified.ops.frame import Frame
from unified.task import Features, Metric, Target, Task


class CountingTrunk(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.calls = 0

    def forward(self, images: Tensor) -> Features:
        self.calls += 1
        return {"p3": self.conv(images)}


class MeanTask(Task):
    """Learns the mean of its target from the mean of its map."""

    name = "mean"

    def __init__(self, align: CodeSpec, outputs: int = 2) -> None:
        super().__init__()
        self.gains, self.fitness = {"l2": 1.0}, {}
        self.predict = CodedConv(4, outputs, align=align.align(4))

    def forward(self, features: Features) -> Tensor:
        return self.predict(features["p3"]).mean((2, 3))

    def loss(self, raw: Tensor, target: Target) -> dict[str, Tensor]:
        if not target["labelled"].any():
            return {}
        return {"l2": (raw - target["value"]).square()[target["labelled"]].mean()}

    def codes(self) -> dict[str, ImplicitCode]:
        # A folded task has a plain convolution in this place.
        align = getattr(self.predict, "align", None)
        return {} if align is None else {"align/p3": align}

    def encode(self, samples: Sequence[Sample]) -> Target:
        return {"labelled": torch.ones(len(samples), dtype=torch.bool)}

    def decode(self, raw: Any, frames: Sequence[Frame], *, score: float | None = None) -> list[Any]:
        return list(raw)

    def metric(self) -> Metric:
        raise NotImplementedError

    def perfect(self, target: Target, raw: Any) -> Any:
        return target["value"]


IMAGES = torch.rand(2, 3, 8, 8)


def make_target(labelled: bool = True) -> Target:
    return {"labelled": torch.full((2,), labelled), "value": torch.zeros(2, 2)}


def test_the_trunk_runs_once_whatever_the_number_of_tasks() -> None:
    add, mul = MeanTask(CodeSpec(operator="add")), MeanTask(CodeSpec(operator="mul"))
    model = MultiTaskModel(CountingTrunk(), {"a": add, "b": mul})

    assert set(model(IMAGES)) == {"a", "b"}
    assert model.trunk.calls == 1


def test_losses_come_out_of_forward_for_the_tasks_that_have_targets() -> None:
    add, mul = MeanTask(CodeSpec(operator="add")), MeanTask(CodeSpec(operator="mul"))
    model = MultiTaskModel(CountingTrunk(), {"a": add, "b": mul})

    losses = model(IMAGES, {"a": make_target(), "b": make_target(labelled=False)})

    assert losses["a"]["l2"].requires_grad
    assert losses["b"] == {}


def test_codes_are_listed_by_task_and_place() -> None:
    model = MultiTaskModel(CountingTrunk(), {"a": MeanTask(CodeSpec(operator="add"))})
    assert list(model.codes()) == ["a/align/p3"]
    assert fold(model).codes() == {}


@pytest.mark.parametrize("source", ["a", "a/align/p3"])
def test_a_markov_code_is_linked_to_the_same_place_of_the_other_task(source: str) -> None:
    markov = CodeSpec(operator="add", modelling="markov", source=source)
    model = MultiTaskModel(CountingTrunk(), {"a": MeanTask(CodeSpec(operator="mul")), "b": MeanTask(markov)})

    model(IMAGES, {"b": make_target()})["b"]["l2"].backward()

    assert model.task("a").codes()["align/p3"].modelling.z.grad is not None
    torch.testing.assert_close(fold(model.eval())(IMAGES)["b"], model(IMAGES)["b"], rtol=0, atol=1e-5)
    assert not any("b.predict.align.modelling._source" in name for name, _ in model.named_parameters())


def test_a_markov_code_without_its_source_is_refused_with_the_codes_there_are() -> None:
    markov = CodeSpec(operator="add", modelling="markov", source="detecton")
    with pytest.raises(ConfigError, match=r"b/align/p3: no code 'detecton'.*a/align/p3"):
        MultiTaskModel(CountingTrunk(), {"a": MeanTask(CodeSpec(operator="add")), "b": MeanTask(markov)})


def test_markov_codes_in_a_circle_are_refused() -> None:
    a = CodeSpec(operator="add", modelling="markov", source="b")
    b = CodeSpec(operator="add", modelling="markov", source="a")
    with pytest.raises(ConfigError, match="circle"):
        MultiTaskModel(CountingTrunk(), {"a": MeanTask(a), "b": MeanTask(b)})
