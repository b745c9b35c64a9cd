"""Parts that stand still."""

from __future__ import annotations

import pytest

from tests.train.toys import toy_model, toy_recipe, toy_trainer
from unified.errors import ConfigError
from unified.train.freezing import Freezing, Span


def test_what_is_frozen_does_not_move_statistics_included() -> None:
    trainer = toy_trainer(None, recipe=toy_recipe(2), freeze={"trunk": Span()})
    before = {name: value.clone() for name, value in trainer.bare.state_dict().items()}
    trainer.fit()
    moved = {name for name, value in trainer.bare.state_dict().items() if not value.equal(before[name])}
    assert not any(name.startswith("trunk.") for name in moved)
    assert any(name.startswith("tasks.bright.") for name in moved)


def test_a_span_ends() -> None:
    model = toy_model()
    freezing = Freezing(model, {"bright": Span(0.0, 0.5), "trunk.conv": Span(0.25, 1.0)})
    conv, head = model.trunk.get_parameter("conv.weight"), next(model.tasks["bright"].parameters())
    states = []
    for progress in (0.0, 0.25, 0.5, 1.0):
        freezing.apply(progress)
        states.append((conv.requires_grad, head.requires_grad))
    assert states == [(True, False), (False, False), (False, True), (False, True)]
    assert not model.trunk.get_submodule("conv").training and model.trunk.get_submodule("norm").training


def test_what_never_was_trained_is_not_thawed() -> None:
    model = toy_model()
    model.trunk.get_parameter("norm.weight").requires_grad_(False)
    freezing = Freezing(model, {"trunk": Span(0.0, 0.5)})
    freezing.apply(0.9)
    assert not model.trunk.get_parameter("norm.weight").requires_grad
    assert model.trunk.get_parameter("norm.bias").requires_grad


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["trunc"], r"train\.freeze\.trunc: no such part of the model; did you mean 'trunk'"),
        (["trunk.cov"], r"trunk has no module 'cov'; did you mean 'conv'"),
        (["trunk", "bright", "rare"], "nothing is left to train"),
    ],
)
def test_mistakes_are_named(names: list[str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Freezing(toy_model(), dict.fromkeys(names, Span()))


def test_a_batch_of_frozen_parts_only_teaches_nothing_and_stops_nothing() -> None:
    trainer = toy_trainer(None, freeze={"trunk": Span(), "bright": Span()})  # the other task's weight begins at 0
    before = {name: value.clone() for name, value in trainer.bare.state_dict().items()}
    trainer.fit()
    moved = {name for name, value in trainer.bare.state_dict().items() if not value.equal(before[name])}
    assert moved and all(name.startswith("tasks.rare.") for name in moved)
