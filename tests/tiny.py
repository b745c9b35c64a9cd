"""The smallest experiment that is whole: a few generated pictures, yolor-n at 64 px, two updates."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path

import pytest
import torch
from rich.console import Console

from unified.build import build_model
from unified.config import Config, read
from unified.data.dataset import open_dataset
from unified.data.shapes import make_shapes
from unified.errors import DataError
from unified.train import checkpoint
from unified.train.trainer import Trainer
from unified.training import train

SIZE = 64
TRAIN, VAL = 8, 4  # pictures


@dataclass(frozen=True)
class TinyRun:
    """A finished training: its data set, its folder, and what was printed."""

    data: Path
    path: Path
    printed: str


def tiny_data(root: Path) -> Path:
    make_shapes(root, train=TRAIN, val=VAL, size=SIZE, workers=1)
    return root


def tiny_config(data: Path, *overrides: str, name: str = "jdc-shapes") -> Config:
    """The config `name`, cut down to one epoch of two batches; `overrides` go over that."""
    small = [f"data={data}", "trunk=yolor-n", f"size={SIZE}", "device=cpu"]
    short = ["train.epochs=1", "train.batch=4", "train.nominal_batch=4", "train.workers=0", "train.precision=float32"]
    return read(name, [*small, *short, "augment.close_mosaic=0", *overrides])


def train_quietly(config: Config, out: Path, *, resume: bool = False) -> str:
    """What the training prints."""
    printed = StringIO()
    train(config, out=out, resume=resume, console=Console(file=printed, width=200))
    return printed.getvalue()


def straight_and_resumed(config: Config, root: Path, *, after: int) -> tuple[checkpoint.Checkpoint, ...]:
    """What two trainings end with: one without a break, one that an error stops `after` updates and that goes on."""
    train_quietly(config, root / "straight")
    update = Trainer._update

    def stopped(self: Trainer, index: int, window: object) -> None:
        if self.progress.step == after:
            raise DataError("stop here")
        update(self, index, window)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "_update", stopped)
        with pytest.raises(DataError, match="stop here"):
            train_quietly(config, root / "run")
    train_quietly(config, root / "run", resume=True)
    return tuple(checkpoint.load(root / name / "checkpoints" / "last") for name in ("straight", "run"))


def make_tiny_run(root: Path) -> TinyRun:
    data, run = tiny_data(root / "data"), root / "run"
    return TinyRun(data, run, train_quietly(tiny_config(data), run))


def make_untrained_run(data: Path, path: Path, *overrides: str) -> TinyRun:
    """A checkpoint of detection and embedding as they are before any training: quick, and good enough to be asked."""
    codes = "tasks.embedding.codes={align: {operator: add}, refine: {operator: mul}}"
    config = tiny_config(data, "tasks.embedding.dimension=16", codes, *overrides, name="jde-shapes")
    taxonomy = open_dataset(data, "train").taxonomy
    torch.manual_seed(0)
    state = build_model(config, taxonomy).state_dict()
    provenance = checkpoint.Provenance(config=config.to_dict(), taxonomy=asdict(taxonomy))
    checkpoint.save(path / checkpoint.FOLDER / checkpoint.BEST, checkpoint.Checkpoint(state, provenance=provenance))
    return TinyRun(data, path, "")
