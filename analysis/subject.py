"""What an analysis looks at: a trained model with its codes, by task, place and level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from unified.build import load_model
from unified.config import Config
from unified.data.sample import Taxonomy
from unified.errors import CheckpointError, ConfigError, nearest
from unified.model.implicit import ImplicitCode
from unified.model.multitask import MultiTaskModel
from unified.model.places import CodedConv
from unified.task import Output
from unified.train import checkpoint
from unified.train.run import STATUS

FOLDED = (
    "{}: folded, so its codes are gone: they are part of the convolutions now. Give the run or the checkpoint that it "
    "was made from"
)


@dataclass(frozen=True, slots=True)
class Code:
    """One implicit code of a model, and where it is."""

    task: str
    place: str  # align, refine
    level: str
    code: ImplicitCode
    outputs: Sequence[Output] = ()  # the channels it acts on, where they have names

    @property
    def name(self) -> str:
        """ "detection/align/p3" """
        return f"{self.task}/{self.place}/{self.level}"

    def values(self) -> Tensor:
        """g on the channels that it acts on, (rows, n) on the CPU."""
        g: Tensor = self.code.modelling().detach().float().cpu()
        return g

    def deviation(self) -> Tensor:
        """What of g is not the operator's neutral element, (rows · n,)."""
        return (self.values() - self.code.centre.float().cpu()).flatten()


@dataclass(frozen=True, slots=True)
class Subject:
    """A trained model, unfolded, in eval mode on the CPU."""

    path: Path
    model: MultiTaskModel
    config: Config
    taxonomy: Taxonomy

    @property
    def run(self) -> Path:
        """The run folder, also where a checkpoint of it was given."""
        above = self.path.parent.parent
        return above if not (self.path / STATUS).is_file() and (above / STATUS).is_file() else self.path

    def describe(self) -> str:
        # The checkpoint by its path: a run's best weights are not those that its curves end with.
        found = checkpoint.locate(self.path)
        return f"{self.config.name}: {', '.join(self.config.tasks)} on {self.config.trunk} ({found})"


def open_subject(path: Path, overrides: Sequence[str] = ()) -> Subject:
    """The best checkpoint of a run, or the checkpoint given; `overrides` go over its config, as in `load_model`.

    Raises:
        CheckpointError: no checkpoint there, or not yet, or that of a folded model.
    """
    try:
        model, config, taxonomy = load_model(path, overrides)
    except CheckpointError as error:
        if _is_folded(path):
            raise CheckpointError(FOLDED.format(path)) from error
        raise
    return Subject(path, model, config, taxonomy)


def _is_folded(path: Path) -> bool:
    """Whether there is a checkpoint whose batch norms, and with them its codes, became part of the convolutions."""
    try:
        return not any(name.endswith(".running_mean") for name in checkpoint.load(path).model)
    except CheckpointError:
        return False


def codes_of(model: MultiTaskModel, what: str, *, task: str | None = None) -> list[Code]:
    """The model's codes, or those of one task; `what` is what messages call the model.

    Raises:
        ConfigError: no such task.
        CheckpointError: there are no codes, since it was folded or trained without.
    """
    if task is not None and task not in model.tasks:
        raise ConfigError(f"{what} has no task {task!r}; {nearest(task, model.tasks)}")
    found = []
    for name, code in model.codes().items():
        owner, where = name.split("/", 1)
        place, _, level = where.partition("/")
        if task in (None, owner):
            found.append(Code(owner, place, level, code, _outputs(model, owner, where, code)))
    if found:
        return found
    if not any(isinstance(module, CodedConv) for module in model.modules()):
        raise CheckpointError(FOLDED.format(what))
    owner = what if task is None else f"task {task!r} of {what}"
    raise CheckpointError(f"{owner} has no implicit codes; train with tasks.<task>.codes to look at some")


def _outputs(model: MultiTaskModel, task: str, where: str, code: ImplicitCode) -> Sequence[Output]:
    named = model.task(task).outputs(where)
    return [named[i] for i in code.index.tolist()] if named and code.index is not None else named


def levels_of(codes: Sequence[Code]) -> list[str]:
    """The levels in order of appearance, which is finest first."""
    return list(dict.fromkeys(code.level for code in codes))


def rms(values: Tensor) -> float:
    """Root of the mean square: the size of a typical entry."""
    return float(torch.linalg.vector_norm(values)) / math.sqrt(max(values.numel(), 1))
