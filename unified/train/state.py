"""What has to come back for a training to go on as if it had never stopped: its tensors, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from unified.errors import CheckpointError
from unified.train import rng
from unified.train.checkpoint import Checkpoint, load_into
from unified.train.ema import Ema
from unified.train.optim import named_parameters

WEIGHTS, JOINT, OPTIMIZER, RNG = "weights/", "joint/", "optimizer/", "rng/"


@dataclass(frozen=True, slots=True)
class TrainingState:
    """The living parts of one training."""

    model: nn.Module
    ema: Ema
    joint: nn.Module
    optimizer: Optimizer

    def weights(self) -> dict[str, Tensor]:
        """The averaged weights, for `model.safetensors`."""
        return self.ema.model.state_dict()

    def rest(self) -> dict[str, Tensor]:
        """All the rest, for `train.safetensors`."""
        return (
            _prefixed(WEIGHTS, self.model.state_dict())
            | _prefixed(JOINT, self.joint.state_dict())
            | _prefixed(OPTIMIZER, self._moments())
            | _prefixed(RNG, rng.capture())
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to the state of `checkpoint`; CheckpointError when it belongs to another model or recipe."""
        if not checkpoint.train:
            raise CheckpointError("the checkpoint is for inference only, without optimiser state; resume from `last`")
        load_into(self.ema.model, checkpoint.model, "averaged weights")
        load_into(self.model, _without(WEIGHTS, checkpoint.train), "weights")
        load_into(self.joint, _without(JOINT, checkpoint.train), "joint loss")
        self._restore_moments(_without(OPTIMIZER, checkpoint.train))
        rng.restore(_without(RNG, checkpoint.train))
        self.ema.updates = checkpoint.progress.step

    def _moments(self) -> dict[str, Tensor]:
        """{"momentum_buffer/0.trunk.stem.weight": tensor, …}: by name, so that the order of groups does not matter."""
        return {
            f"{key}/{name}": value
            for name, parameter in named_parameters(self.model, self.joint)
            for key, value in self.optimizer.state[parameter].items()
            if isinstance(value, Tensor)
        }

    def _restore_moments(self, moments: Mapping[str, Tensor]) -> None:
        parameters = dict(named_parameters(self.model, self.joint))
        self.optimizer.state.clear()
        for entry, value in moments.items():
            key, _, name = entry.partition("/")
            if name not in parameters:
                raise CheckpointError(f"optimiser state of another model: there is no parameter {name}")
            parameter = parameters[name]
            # Moments lie in memory as their parameter does, which the file does not say; step counts are scalars.
            like = parameter if value.shape == parameter.shape else value
            moment = torch.empty_like(like, dtype=value.dtype, requires_grad=False)
            self.optimizer.state[parameter][key] = moment.copy_(value)


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in tensors.items()}


def _without(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
