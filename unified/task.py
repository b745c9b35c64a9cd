"""The contract of a task, and the values it speaks.

    y_t = d_t( f(x) ⋆ g(z_t) )                                     equation (5) of arXiv 2105.04206

A task owns its implicit codes z_t and its head (they are its parameters), its loss, its decoding and its metric.
The engine knows tasks through this file only. `tests/test_contract.py` checks every folder of `tasks/` against it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from unified.data.kinship import Kinship
from unified.data.sample import Record, Sample
from unified.errors import ConfigError, nearest
from unified.model.implicit import ImplicitCode
from unified.ops.canvas import Canvas
from unified.ops.frame import Frame

Features = Mapping[str, Tensor]  # {"p3": (B, C3, H/8, W/8), "p4": …}: the trunk's outputs, finest first
Raw = Any  # what a head emits: a tensor, or a list or dict of tensors
Target = dict[str, Tensor]  # labels as tensors; always has "labelled": (B,) bool
Json = Any


@dataclass(frozen=True, slots=True)
class Levels:
    """What a head must know of the trunk, level by level, finest first; anchors are (w, h) in input pixels."""

    channels: Mapping[str, int]
    strides: Mapping[str, int]
    anchors: Mapping[str, Sequence[tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class Output:
    """One channel of a prediction, for those who look at what a refinement code does to it."""

    part: str  # what it belongs to: "xy", "wh", "obj", "classes"
    name: str  # what it is there: "x", "cat"
    anchor: str = ""  # whose it is, where anchors answer apart: "2 (16×30)", its number and size in input pixels


class Result(Protocol):
    """What a task says about one picture, in original pixels. Implemented by frozen dataclasses of CPU tensors."""

    def to_json(self) -> Json:
        """Plain lists, numbers and strings; `from_json` of the same class gives an equal result back."""

    @classmethod
    def from_json(cls, data: Json) -> Result:
        """Inverse of `to_json`."""

    def to_coco(self, image_id: int | str) -> list[dict[str, Json]]:
        """Entries of a COCO results file; empty where the format has none for this task."""

    def draw(self, canvas: Canvas) -> None:
        """Show the result on a picture."""


@runtime_checkable
class ScoredBoxes(Protocol):
    """A result of whatever task finds boxes, N of them."""

    @property
    def boxes(self) -> Tensor:
        """(N, 4) xyxy in original pixels"""

    @property
    def scores(self) -> Tensor:
        """(N,) in 0..1"""

    @property
    def labels(self) -> Tensor:
        """(N,) category indices"""


@dataclass(frozen=True, slots=True)
class Regions:
    """Boxes of one picture that a task may be asked to describe; xyxy in original pixels."""

    found: Tensor  # (N, 4) of the task that finds boxes, row by row; empty where there is none
    true: Tensor | None = None  # (M, 4) of the picture's labels, row by row; None = not labelled


@dataclass(frozen=True, slots=True)
class Prediction:
    """All tasks' results for one picture. Fields of the results are reachable directly: `.boxes`, `.scores`, `.tags` …

    A field name that two tasks share must be asked of `results[task]`.
    """

    results: Mapping[str, Result]
    source: str = ""
    size: tuple[int, int] = (0, 0)  # width, height of the picture in pixels
    image_id: int | str | None = None

    def __getattr__(self, name: str) -> Any:
        # Copying and pickling probe for dunder methods before `results` exists.
        if name.startswith("__"):
            raise AttributeError(name)
        owners = [task for task, result in self.results.items() if name in getattr(result, "__dataclass_fields__", ())]
        if len(owners) == 1:
            return getattr(self.results[owners[0]], name)
        known = sorted({key for result in self.results.values() for key in getattr(result, "__dataclass_fields__", ())})
        several = f"given by several tasks ({', '.join(owners)}); use .results[task]"
        why = several if owners else f"known: {', '.join(known)}"
        raise AttributeError(f"prediction has no single {name!r}: {why}")

    def to_json(self) -> dict[str, Json]:
        """{"image": path, "width": px, "height": px, task: result, …}"""
        head = {"image": self.source, "width": self.size[0], "height": self.size[1]}
        return head | {task: result.to_json() for task, result in self.results.items()}

    def draw(self, canvas: Canvas) -> None:
        for result in self.results.values():
            result.draw(canvas)


@dataclass(slots=True)
class Scores:
    """What a metric found: `numbers` for tables and logs (None = undefined on this data), `tables` of rows to print.

    `notes` say what a reader must know before comparing: the convention behind a number, why one is None.
    """

    numbers: dict[str, float | None]
    tables: dict[str, list[dict[str, Json]]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


class Metric(Protocol):
    """Collects predictions over a data set; pictures that lack the task's labels are left out."""

    def update(self, predictions: Sequence[Prediction], samples: Sequence[Sample]) -> None: ...

    def compute(self) -> Scores: ...


@runtime_checkable
class Resampled(Protocol):
    """A metric that can be computed fast on many resamples of its pictures, for bootstrap intervals.

    One that compares pictures must be: given a picture twice, it would find the one by the other.
    """

    def resampled(self, draws: int, *, seed: int) -> dict[str, NDArray[np.float64]]:
        """(draws,) values of its main numbers, NaN where undefined.

        Draw d counts picture i of the N labelled ones as often as `bootstrap_counts(N, draws, seed)[d, i]` says, so
        that two metrics over the same pictures are resampled alike.
        """


def bootstrap_counts(pictures: int, draws: int, seed: int) -> NDArray[np.int64]:
    """(draws, pictures): how often each picture is in each resample of as many, drawn with replacement."""
    chosen = np.random.default_rng(seed).integers(0, max(pictures, 1), (draws, pictures))
    return np.stack([np.bincount(row, minlength=pictures) for row in chosen]) if draws else chosen


class Task(nn.Module, ABC):
    """One task behind the shared trunk. `B` pictures a batch; see the module's docstring."""

    name: str  # in a model: the name that its config has for the task
    gains: Mapping[str, float]  # default weight of each loss part; applied by the joint loss, never by `loss`
    fitness: Mapping[str, float]  # how the metric's numbers make the one number that picks the best checkpoint
    of_data: Sequence[str] = ()  # buffers about the training data, which a start from other weights leaves alone
    settled: Sequence[str] = ()  # buffers that `settle` fills

    @abstractmethod
    def forward(self, features: Features) -> Raw:
        """Raw tensors only; no sigmoid, no decoding."""

    @abstractmethod
    def encode(self, samples: Sequence[Sample]) -> Target:
        """Labels → tensors. `labelled[b]` says whether picture b carries this task's labels."""

    @abstractmethod
    def loss(self, raw: Raw, target: Target) -> dict[str, Tensor]:
        """Named scalars, mean over the labelled pictures, unweighted, float32; {} when nothing is labelled."""

    @abstractmethod
    def decode(self, raw: Raw, frames: Sequence[Frame], *, score: float | None = None) -> Sequence[Result]:
        """One result a picture, in original pixels.

        `score` is the lowest score worth telling (0..1) for results that are lists of findings; None = the task's
        own choice for evaluation, low enough for the whole precision-recall curve.
        """

    def ways(self) -> Mapping[str, Callable[[Raw, Sequence[Frame]], Sequence[Result]]]:
        """Ways of decoding whose speed is worth comparing, by name; most tasks have one."""
        return {"decoding": self.decode}

    def describe(
        self, raw: Raw, results: Sequence[Result], frames: Sequence[Frame], regions: Sequence[Regions]
    ) -> Sequence[Result]:
        """A second look, once boxes are known: `results` of `decode`, with what the task says about each region.

        For tasks that speak of objects without finding them; the others leave their results as they are.
        """
        return results

    @abstractmethod
    def metric(self) -> Metric:
        """A fresh metric."""

    @abstractmethod
    def codes(self) -> dict[str, ImplicitCode]:
        """{"align/p3": code, …}: place / level. What analysis, folding and the parameter table walk."""

    def outputs(self, place: str) -> Sequence[Output]:
        """The channels after the code at `place` ("refine/p3"), in order; empty where they have no names."""
        return ()

    @abstractmethod
    def perfect(self, target: Target, raw: Raw) -> Raw:
        """The raw output that a head without error would give for `target`, in the shape of `raw`."""

    def kinship(self, records: Sequence[Record]) -> Kinship | None:
        """Which of the training pictures should meet in a batch, for tasks that compare; None = no matter."""
        return None

    def prepare(self, records: Sequence[Record], input_size: int) -> None:
        """Look at the training labels once, before a fresh training: anchors, priors, vocabularies.

        What is learnt here must live in buffers or parameters, so that a checkpoint holds it.
        """

    def study(self, records: Sequence[Record]) -> None:
        """Look at the training labels before every training, resumed ones too, for what only the loss needs.

        Checkpoints do not hold it.
        """

    def settle(self, answers: Iterable[tuple[Raw, Target]]) -> None:
        """Before each evaluation of a training, in eval mode: measure on training pictures what no gradient teaches.

        What is found must live in the buffers `settled`, which only the averaged model has filled: there they stay as
        they are until the next evaluation. Called only where there are some.
        """


def fitness(task: Task, scores: Scores) -> float:
    """The weighted sum that ranks checkpoints for one task; undefined numbers count as 0.

    ConfigError when the task names a number that its metric does not give.
    """
    for name in task.fitness:
        if name not in scores.numbers:
            raise ConfigError(
                f"task {task.name}: its fitness counts {name!r}, which its metric does not give; "
                f"{nearest(name, scores.numbers)}"
            )
    return sum(weight * (scores.numbers[name] or 0.0) for name, weight in task.fitness.items())


def flatten(scores: Mapping[str, Scores]) -> Iterator[tuple[str, float | None]]:
    """("detection/AP", 0.41), … in order."""
    for task, found in scores.items():
        for name, value in found.numbers.items():
            yield f"{task}/{name}", value
