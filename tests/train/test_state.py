"""A training's tensors go into a checkpoint and come back, by name."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.train.toys import ToyLoader, toy_model, toy_trainer
from unified.data.sample import network_input
from unified.errors import CheckpointError
from unified.train.checkpoint import Checkpoint, Progress
from unified.train.trainer import Trainer


def trained() -> Trainer:
    trainer = toy_trainer(None)
    trainer.fit()
    return trainer


def snapshot(trainer: Trainer) -> Checkpoint:
    copies = ({name: t.clone() for name, t in part.items()} for part in (trainer.state.weights(), trainer.state.rest()))
    weights, rest = copies
    return Checkpoint(weights, Progress(step=trainer.progress.step), train=rest)


def test_every_tensor_comes_back() -> None:
    saved = snapshot(trained())
    other = toy_trainer(None)
    other.state.restore(saved)
    again = snapshot(other)
    for own, back in ((saved.model, again.model), (saved.train, again.train)):
        assert own.keys() == back.keys()
        assert all(own[name].equal(back[name]) for name in own)
    assert other.state.ema.updates == saved.progress.step


def test_momenta_are_filed_under_their_parameter() -> None:
    saved = snapshot(trained())
    momenta = [name for name in saved.train if name.startswith("optimizer/")]
    assert "optimizer/momentum_buffer/0.trunk.conv.weight" in momenta
    assert "optimizer/momentum_buffer/0.tasks.bright.predict.align.modelling.z" in momenta


def test_momenta_lie_in_memory_as_their_parameters() -> None:
    saved = snapshot(trained())
    other = toy_trainer(None)
    other.model.to(memory_format=torch.channels_last)
    other.state.restore(saved)
    weight = toy_weight(other)
    assert other.optimizer.state[weight]["momentum_buffer"].stride() == weight.stride()


def toy_weight(trainer: Trainer) -> torch.nn.Parameter:
    return trainer.bare.get_parameter("trunk.conv.weight")


def test_a_checkpoint_for_inference_is_no_place_to_go_on_from() -> None:
    with pytest.raises(CheckpointError, match="inference only"):
        toy_trainer(None).state.restore(Checkpoint(toy_model().state_dict()))


def test_another_model_is_refused() -> None:
    saved = snapshot(trained())
    state = {name: tensor for name, tensor in saved.model.items() if name != "trunk.conv.weight"}
    with pytest.raises(CheckpointError, match=r"trunk\.conv\.weight is missing"):
        toy_trainer(None).state.restore(replace(saved, model=state))
    train = saved.train | {"optimizer/momentum_buffer/0.trunk.gone": torch.zeros(1)}
    with pytest.raises(CheckpointError, match=r"no parameter 0\.trunk\.gone"):
        toy_trainer(None).state.restore(replace(saved, train=train))


def test_the_restored_average_answers_like_the_saved_one() -> None:
    one = trained()
    other = toy_trainer(None)
    other.state.restore(snapshot(one))
    images = network_input(ToyLoader().batch(9, 9).images, torch.device("cpu"))
    assert one.state.ema.model(images)["bright"].equal(other.state.ema.model(images)["bright"])
