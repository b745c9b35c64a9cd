"""What a training reports, and the files that keep it.

`metrics.jsonl` is a function of the configuration and the seed alone, so that a resumed training writes the same bytes
as one that was never stopped; what the clock says goes to `speed.jsonl`. Keys are flat: "loss/detection/box",
"weight/detection", "detection/AP"; epochs and steps are counted from 1.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TextIO

from unified.errors import UnifiedError
from unified.task import Scores, flatten
from unified.train import durable
from unified.train.plan import Plan
from unified.train.speed import Speed

METRICS, SPEED, TABLE = "metrics.jsonl", "speed.jsonl", "metrics.csv"


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One optimiser update; losses are means over its batches."""

    epoch: int
    batch: int  # batches of the epoch done
    step: int
    loss: float | None  # what was differentiated, before the loss scale; None: nothing was labelled
    losses: Mapping[str, float]  # {"detection/box": …}: raw, before gains and weights
    weights: Mapping[str, float]  # of the joint loss, by task
    lr: float
    momentum: float
    grad_norm: float  # of the update's summed gradient, before clipping
    speed: Speed
    conflict: Mapping[str, float] = field(default_factory=dict)  # `Conflict.numbers`; empty where nobody looked

    def numbers(self) -> dict[str, float | None]:
        """All but the speed, under the names of the files."""
        own = {"loss": self.loss, "lr": self.lr, "momentum": self.momentum, "grad_norm": self.grad_norm}
        named = _named("loss/", self.losses) | _named("weight/", self.weights) | _named("conflict/", self.conflict)
        return own | named

    def due(self, every: int) -> bool:
        """Whether a file with a line of every `every`-th update wants this one."""
        return self.step % every == 0 or self.step == 1 or bool(self.conflict)


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One epoch; `scores` is empty where it was not evaluated."""

    epoch: int
    step: int
    losses: Mapping[str, float]  # means over the epoch's batches that had labels for them
    scores: Mapping[str, Scores] = field(default_factory=dict)
    fitness: float | None = None
    best: bool = False

    def numbers(self) -> dict[str, float | None]:
        found = {name: _finite(value) for name, value in flatten(self.scores)}
        return _named("loss/", self.losses) | found | ({"fitness": self.fitness} if self.scores else {})


class Sink(Protocol):
    """Somebody who wants to know how the training goes: a file, the terminal."""

    def start(self, plan: Plan, step: int) -> None:
        """The training begins, or goes on after `step` updates."""

    def step(self, record: StepRecord) -> None: ...

    def epoch(self, record: EpochRecord) -> None: ...

    def close(self) -> None: ...


class JsonLines:
    """metrics.jsonl, speed.jsonl and the epochs' metrics.csv of a run folder.

    Args:
        every: updates between lines of steps.
    """

    def __init__(self, folder: Path, *, every: int = 10) -> None:
        self.folder = folder
        self.every = every
        self._files: dict[str, TextIO] = {}

    def start(self, plan: Plan, step: int) -> None:
        # The checkpoint may be older than the last lines: what came after it will be trained, and written, again.
        self._epochs = [line for line in cut(self.folder / METRICS, step) if line["kind"] == "epoch"]
        cut(self.folder / SPEED, step)
        for name in (METRICS, SPEED):
            self._files[name] = open(self.folder / name, "a", encoding="utf-8")  # noqa: SIM115 - until `close`

    def step(self, record: StepRecord) -> None:
        if not record.due(self.every):
            return
        where = {"kind": "step", "epoch": record.epoch, "step": record.step}
        self._write(METRICS, where | record.numbers())
        speed = record.speed
        rates = {"images_per_second": round(speed.images_per_second, 2), "wait": round(speed.wait, 4)}
        self._write(SPEED, {"step": record.step} | rates | {"memory": speed.memory})

    def epoch(self, record: EpochRecord) -> None:
        line = {"kind": "epoch", "epoch": record.epoch, "step": record.step} | record.numbers()
        self._write(METRICS, line)
        self._epochs.append(line)
        durable.replace_file(self.folder / TABLE, _table(self._epochs).encode())

    def close(self) -> None:
        for file in self._files.values():
            file.close()

    def _write(self, name: str, line: Mapping[str, Any]) -> None:
        file = self._files[name]
        file.write(json.dumps(line, allow_nan=False) + "\n")
        file.flush()


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of a metrics.jsonl; a last line that a kill cut short is left out."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    try:
        return [json.loads(line) for line in lines if line.endswith("\n")]
    except ValueError as error:
        raise UnifiedError(f"{path}: a line is not JSON ({error}); move the file away to go on") from error


def cut(path: Path, step: int) -> list[dict[str, Any]]:
    """Drop the lines of a log after `step`, which will be trained and written again; returns those that stay."""
    kept = [line for line in read(path) if line["step"] <= step]
    durable.replace_file(path, "".join(json.dumps(line) + "\n" for line in kept).encode())
    return kept


def _table(lines: Iterable[Mapping[str, Any]]) -> str:
    """CSV with the union of the lines' keys as columns, in order of first appearance."""
    lines = list(lines)
    columns = list(dict.fromkeys(key for line in lines for key in line if key != "kind"))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def _named(prefix: str, numbers: Mapping[str, float]) -> dict[str, float | None]:
    return {prefix + name: value for name, value in numbers.items()}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
