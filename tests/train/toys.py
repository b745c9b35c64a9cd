"""A model, a loader and a trainer that take milliseconds: two tasks on 8 × 8 noise, one of them labelled on and off."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unified.data.sample import Batch, Labels, Record, Sample
from unified.model.code_spec import CodeSpec
from unified.model.implicit import ImplicitCode
from unified.model.multitask import MultiTaskModel
from unified.model.places import CodedConv
from unified.ops.frame import Frame
from unified.task import Features, Metric, Scores, Target, Task
from unified.train.checkpoint import Provenance
from unified.train.freezing import Freezing, Span
from unified.train.joint import JointLoss
from unified.train.log import Sink
from unified.train.plan import Recipe
from unified.train.precision import Precision
from unified.train.run import RunFolder
from unified.train.scale import make_scale
from unified.train.schedule import Ramp, Schedule
from unified.train.trainer import Trainer
from unified.train.weighting import catalogue

SIDE = 8
FLOAT32 = Precision.choose(torch.device("cpu"), "float32")
PROVENANCE = Provenance(config={"trunk": "toy"}, taxonomy={"categories": ["a"]})


class ToyTrunk(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.2)  # draws from torch's generator: a resume must bring its state back

    def forward(self, images: Tensor) -> Features:
        return {"p3": self.drop(torch.relu(self.norm(self.conv(images))))}


class ToyTask(Task):
    """Learns the mean brightness of a picture from its features; every `every`-th picture is labelled."""

    gains: Mapping[str, float] = {"fit": 1.0}
    fitness: Mapping[str, float] = {"score": 1.0}

    def __init__(self, name: str, every: int = 1) -> None:
        super().__init__()
        self.name = name
        self.every = every
        self.predict = CodedConv(
            4, 1, align=CodeSpec(operator="add").align(4), refine=CodeSpec(operator="mul").refine(1)
        )

    def forward(self, features: Features) -> Tensor:
        predicted: Tensor = self.predict(features["p3"])
        return predicted.mean((1, 2, 3))

    def encode(self, samples: Sequence[Sample]) -> Target:
        labelled = [int(sample.record.image_id) % self.every == 0 for sample in samples]
        value = [sample.image.float().mean() / 255 for sample in samples]
        return {"labelled": torch.tensor(labelled), "value": torch.stack(value)}

    def loss(self, raw: Tensor, target: Target) -> dict[str, Tensor]:
        if not target["labelled"].any():
            return {}
        return {"fit": (raw - target["value"]).square()[target["labelled"]].mean()}

    def decode(self, raw: Any, frames: Sequence[Frame], *, score: float | None = None) -> list[Any]:
        raise NotImplementedError

    def metric(self) -> Metric:
        raise NotImplementedError

    def codes(self) -> dict[str, ImplicitCode]:
        return {}  # the engine finds them as modules

    def perfect(self, target: Target, raw: Any) -> Any:
        raise NotImplementedError


class ToyLoader:
    """Noise that depends on the epoch and the place in it alone."""

    def __init__(self, batches: int = 5, batch_size: int = 2) -> None:
        self.batches = batches
        self.batch_size = batch_size

    def __len__(self) -> int:
        return self.batches

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        for index in range(start, self.batches):
            yield self.batch(epoch, index)

    def batch(self, epoch: int, index: int) -> Batch:
        noise = torch.Generator().manual_seed(1000 * epoch + index)
        images = torch.randint(0, 256, (self.batch_size, 3, SIDE, SIDE), generator=noise, dtype=torch.uint8)
        first = index * self.batch_size
        return Batch(images, [picture(first + i, image) for i, image in enumerate(images)])


def picture(number: int, image: Tensor) -> Sample:
    record = Record(number, Path(f"pictures/{number}.jpg"), (SIDE, SIDE), Labels())
    return Sample(image, Labels(), Frame.identity((SIDE, SIDE)), record)


def toy_model() -> MultiTaskModel:
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - what careless libraries draw from
    torch.manual_seed(0)
    return MultiTaskModel(ToyTrunk(), {"bright": ToyTask("bright"), "rare": ToyTask("rare", every=3)})


def toy_scores(model: MultiTaskModel) -> dict[str, Scores]:
    """A number that depends on the weights, and draws from the generators as a careless metric might."""
    torch.rand(1), np.random.rand(), random.gauss(0, 1)  # noqa: NPY002
    weight = model.get_parameter("trunk.conv.weight")
    return {"bright": Scores({"score": float(weight.sum()), "undefined": None}), "rare": Scores({"score": 0.0})}


def claimed(folder: Path, *, resume: bool = False) -> RunFolder:
    """A run folder that nobody holds on to."""
    with RunFolder.create(folder, PROVENANCE, resume=resume) as run:
        return run


def toy_trainer(
    folder: Path | None,
    *,
    resume: bool = False,
    recipe: Recipe | None = None,
    loader: ToyLoader | None = None,
    evaluate: Any = toy_scores,
    sinks: Sequence[Sink] = (),
    weighting: str = "fixed",
    scale: str = "none",
    look_every: int = 0,
    freeze: Mapping[str, Span] | None = None,
    precision: Precision = FLOAT32,
) -> Trainer:
    """A trainer over the toys, restored from `folder` with `resume`; its files are metrics, and what `sinks` keep."""
    model = toy_model()
    run = None if folder is None else claimed(folder, resume=resume)
    recipe = recipe or toy_recipe()
    joint = JointLoss(
        {"bright": {"fit": 1.0}, "rare": {"fit": 0.5}},
        Schedule({"rare": Ramp(0.0, 1.0, from_=0.2, to=0.8)}),
        catalogue.make(weighting, ("bright", "rare")),
        scale=make_scale(scale, ("bright", "rare")),
        log_every=look_every,
    )
    files: list[Sink] = [] if run is None else [run.metrics(every=1)]
    trainer = Trainer(
        model,
        joint,
        loader or ToyLoader(),
        evaluate,
        recipe,
        precision=precision,
        run=run,
        sinks=[*files, *sinks],
        freezing=Freezing(model, freeze or {}),
    )
    if run is not None and (checkpoint := run.last()) is not None:
        trainer.restore(checkpoint)
    return trainer


def toy_recipe(epochs: int = 4, **changes: Any) -> Recipe:
    """Short, with every part at work: accumulation over two batches, warm-up, average."""
    settings: dict[str, Any] = {
        "nominal_batch": 4,
        "warmup_epochs": 1.0,
        "ema_share": 0.5,
        "checkpoint_seconds": None,
    }
    return Recipe(epochs=epochs, **(settings | changes))
