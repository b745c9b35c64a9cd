"""Beginning from another training's weights."""

from __future__ import annotations

import pytest
import torch

from tests.train.toys import toy_model
from unified.errors import CheckpointError
from unified.train.warm_start import take


def test_what_fits_is_taken_and_the_rest_is_said() -> None:
    model, other = toy_model(), toy_model()
    tensors = {name: value + 1 for name, value in other.state_dict().items() if not name.startswith("tasks.rare.")}
    tensors["tasks.pose.weight"] = torch.zeros(3)
    bias = next(name for name in tensors if name.startswith("tasks.bright.") and name.endswith("bias"))
    tensors[bias] = torch.zeros(77)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    taken = take(model, tensors)
    after = model.state_dict()
    assert set(taken.taken) | set(taken.fresh) | set(taken.reshaped) == set(after)
    assert taken.reshaped == [bias] and taken.unused == ["tasks.pose.weight"]
    assert taken.fresh and all(name.startswith("tasks.rare.") for name in taken.fresh)
    for name, value in after.items():
        assert value.equal(tensors[name] if name in taken.taken else before[name])
    for words in (f"{len(taken.taken)} tensors taken", "1 of another shape", "1 of it not used: tasks.pose.weight"):
        assert words in taken.describe()


def test_the_checkpoint_of_something_else_is_refused() -> None:
    with pytest.raises(CheckpointError, match="another trunk"):
        take(toy_model(), {"backbone.weight": torch.zeros(1)})


def test_what_is_to_be_left_is_left() -> None:
    model, other = toy_model(), toy_model()
    name = next(name for name in model.state_dict() if name.startswith("tasks.bright."))
    before = model.state_dict()[name].clone()
    taken = take(model, {key: value + 1 for key, value in other.state_dict().items()}, leave=[name])
    assert model.state_dict()[name].equal(before)
    assert taken.left == [name] and name not in {*taken.taken, *taken.fresh, *taken.reshaped, *taken.unused}
    assert f"1 about other data or classes in it, left as they are: {name}" in taken.describe()
