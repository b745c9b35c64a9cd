"""Toy trainings by one process or by several, to be compared. Run by `test_ranks.py`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

from tests.train.test_trainer import Watcher
from tests.train.toys import FLOAT32, ToyLoader, ToyTask, ToyTrunk, toy_recipe, toy_scores
from unified.data.sample import Batch
from unified.errors import DataError
from unified.model.multitask import MultiTaskModel
from unified.train.freezing import Freezing, Span
from unified.train.joint import JointLoss
from unified.train.ranks import Ranks, unwrapped
from unified.train.scale import make_scale
from unified.train.schedule import Ramp, Schedule
from unified.train.trainer import Trainer
from unified.train.weighting import catalogue

GLOBAL_BATCH = 4
TASKS = ("bright", "rare")


@dataclass(frozen=True)
class Case:
    """`bright` and `rare` say that every so many-th picture is labelled for that task."""

    weighting: str = "fixed"
    scale: str = "none"
    bright: int = 1
    rare: int = 3
    frozen: tuple[str, ...] = ()
    delayed: bool = False


CASES = {
    "fixed": Case(),
    "uncertainty": Case("uncertainty"),
    "famo": Case("famo"),
    "gradnorm": Case("gradnorm"),
    "upgrad": Case("upgrad"),
    "running norm": Case("fixed", "norm"),
    "logarithm": Case("upgrad", "log"),
    # Picture 4 is the first process's, 6 the second's: now and then one of them has no label at all, or neither.
    "a process without labels": Case(bright=4, rare=6),
    "no labels anywhere": Case("upgrad", bright=16, rare=16),
    "a task that only one process has": Case("uncertainty", bright=1, rare=4),
    "a delayed task": Case("upgrad", delayed=True),
    "a frozen trunk": Case("fixed", frozen=("trunk",), bright=4, rare=6),
    "labels for frozen parts only": Case("fixed", frozen=("trunk", "bright"), rare=6),
}


class Shared(ToyLoader):
    """A process's part of each batch."""

    def __init__(self, ranks: Ranks) -> None:
        super().__init__(batches=5, batch_size=GLOBAL_BATCH // ranks.world)
        self.ranks = ranks

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        size = self.batch_size
        whole = ToyLoader(self.batches, GLOBAL_BATCH)
        for index in range(start, self.batches):
            batch = whole.batch(epoch, index)
            own = slice(self.ranks.rank * size, (self.ranks.rank + 1) * size)
            yield Batch(batch.images[own], batch.samples[own])


def run(case: Case, ranks: Ranks) -> tuple[Trainer, Watcher]:
    """Two epochs of five batches, two an update, without what knows of its own process only: statistics and dropout."""
    torch.manual_seed(0)
    trunk = ToyTrunk()
    trunk.norm, trunk.drop = torch.nn.Identity(), torch.nn.Identity()  # type: ignore[assignment]
    tasks = {"bright": ToyTask("bright", case.bright), "rare": ToyTask("rare", case.rare)}
    model = ranks.wrapped(MultiTaskModel(trunk, tasks), FLOAT32.memory_format)
    late = {"rare": Ramp(0.0, 1.0, from_=0.3, to=0.6)} if case.delayed else {}
    joint = JointLoss(
        {task: {"fit": 1.0} for task in TASKS},
        Schedule(late),
        catalogue.make(case.weighting, TASKS),
        scale=make_scale(case.scale, TASKS),
        log_every=1,
        ranks=ranks,
    )
    watcher = Watcher()
    freezing = Freezing(unwrapped(model), dict.fromkeys(case.frozen, Span()))
    recipe = toy_recipe(2, nominal_batch=2 * GLOBAL_BATCH)
    trainer = Trainer(
        model, joint, Shared(ranks), toy_scores, recipe, precision=FLOAT32, sinks=[watcher], freezing=freezing
    )
    trainer.fit()
    return trainer, watcher


def record(folder: Path, ranks: Ranks) -> None:
    """What every case ended with, and what its steps said."""
    for name, case in CASES.items():
        trainer, watcher = run(case, ranks)
        state = trainer.bare.state_dict() | {f"joint.{k}": v for k, v in trainer.joint.state_dict().items()}
        save_file({k: v.contiguous().clone() for k, v in state.items()}, folder / f"{name}.{ranks.rank}.safetensors")
        lines = [step.numbers() for step in watcher.steps]
        (folder / f"{name}.{ranks.rank}.json").write_text(json.dumps(lines))


def threads() -> list[str]:
    """The names of this process's threads, where Linux tells."""
    return [file.read_text().strip() for file in Path("/proc/self/task").glob("*/comm")]


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    ranks = Ranks.of_environment()
    with ranks.joined(torch.device("cpu")):
        record(folder, ranks)
        within = threads()
    after = threads()
    with ranks.joined(torch.device("cpu")):  # a second time
        agreed = ranks.any(ranks.first)
        try:
            raised = ranks.of_first(fail)
        except DataError as error:
            raised = str(error)
    facts = {"within": within, "after": after, "agreed": agreed, "raised": raised}
    (folder / f"facts.{ranks.rank}.json").write_text(json.dumps(facts))


def fail() -> str:
    raise DataError("no such picture")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
