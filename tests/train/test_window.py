"""The numbers of one update, and what is said when they are not finite."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.train.toys import ToyLoader
from unified.train.joint import JointLoss
from unified.train.window import Seen, Window

JOINT = JointLoss({"a": {"x": 1.0, "y": 2.0}, "b": {"z": 1.0}})


def window(*batches: dict[str, dict[str, float]]) -> Window:
    filled = Window()
    for index, values in enumerate(batches):
        losses = {task: {part: torch.tensor(v) for part, v in parts.items()} for task, parts in values.items()}
        filled.add(losses, JOINT(losses, 0.0), ToyLoader().batch(0, index))
    return filled


def read(filled: Window, norm: float = 1.0) -> Seen:
    return filled.read(torch.tensor(norm))


def test_means_are_over_the_batches_that_had_labels() -> None:
    seen = read(window({"a": {"x": 1, "y": 2}, "b": {}}, {"a": {"x": 3, "y": 4}, "b": {"z": 5}}, {"a": {}, "b": {}}))
    assert seen.mean_losses() == {"a/x": 2, "a/y": 3, "b/z": 5}
    assert seen.mean_weights() == {"a": 1, "b": 1}
    assert seen.totals == [5, 16, None]
    assert seen.loss == 10.5
    assert seen.finite


def test_nothing_labelled_is_finite_and_has_no_loss() -> None:
    seen = read(window({"a": {}, "b": {}}))
    assert seen.finite and seen.loss is None and seen.mean_losses() == {}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_bad_part_is_named_with_the_pictures_of_its_batch(value: float) -> None:
    filled = window({"a": {"x": 1, "y": 2}, "b": {}}, {"a": {"x": 1, "y": value}, "b": {}})
    seen = read(filled)
    assert not seen.finite
    message = str(filled.error(seen, "epoch 3, update 7", nn.Linear(1, 1)))
    assert message.startswith(f"epoch 3, update 7: not finite: a/y = {value}.")
    assert "pictures/2.jpg, pictures/3.jpg." in message
    assert "pictures/0.jpg" not in message


def test_a_bad_gradient_is_named_with_all_pictures() -> None:
    model = nn.Linear(1, 1)
    model.weight.grad = torch.tensor([[float("inf")]])
    filled = window({"a": {"x": 1, "y": 2}, "b": {}}, {"a": {"x": 1, "y": 2}, "b": {}})
    seen = read(filled, float("inf"))
    assert not seen.finite
    message = str(filled.error(seen, "here", model))
    assert "gradient, in weight" in message
    assert all(f"pictures/{i}.jpg" in message for i in range(4))


def test_a_long_list_of_pictures_is_cut() -> None:
    filled = Window()
    bad: dict[str, dict[str, Tensor]] = {"b": {"z": torch.tensor(float("nan"))}}
    filled.add(bad, JOINT(bad, 0.0), ToyLoader(batch_size=20).batch(0, 0))
    assert "and 4 more" in str(filled.error(read(filled), "here", nn.Linear(1, 1)))
