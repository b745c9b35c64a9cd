"""The training as one watches it: a progress bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from unified.task import Scores
from unified.train.log import EpochRecord, Sink, StepRecord
from unified.train.plan import Plan

SHOWN = 6  # numbers of a task in the terminal


def terminal(console: Console, *, seconds: float = 30.0) -> Sink:
    """What suits the console: a bar on a terminal, otherwise a line every `seconds`."""
    return ProgressBar(console) if console.is_terminal else PlainLines(console, seconds=seconds)


class PlainLines:
    """One line every `seconds`, one an epoch, and a table an evaluation: for logs, pipes and clusters."""

    def __init__(self, console: Console, *, seconds: float = 30.0) -> None:
        self.console = console
        self.seconds = seconds

    def start(self, plan: Plan, step: int) -> None:
        self._plan = plan
        self._due = 0.0
        self.console.print(Text(start_line(plan, step)), soft_wrap=True)

    def step(self, record: StepRecord) -> None:
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + self.seconds
        where = f"epoch {record.epoch}/{self._plan.epochs}  batch {record.batch}/{self._plan.batches}"
        line = f"{where}  {speed_line(record, self._plan)}  {loss_line(record)}"
        self.console.print(Text(line), soft_wrap=True)

    def epoch(self, record: EpochRecord) -> None:
        self.console.print(Text(epoch_line(record, self._plan)), soft_wrap=True)
        for line in score_lines(record.scores):
            self.console.print(Text(line), soft_wrap=True)

    def close(self) -> None:
        """Nothing is open."""


class ProgressBar:
    """A bar for the epoch, and below it the losses of the update."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            console=console,
        )
        self._live = Live(console=console, refresh_per_second=4, transient=True)

    def start(self, plan: Plan, step: int) -> None:
        self._plan = plan
        self.console.print(Text(start_line(plan, step)))
        self._epoch = self._bar.add_task("", total=plan.batches, speed="")
        self._live.start()

    def step(self, record: StepRecord) -> None:
        self._bar.update(
            self._epoch,
            description=f"epoch {record.epoch}/{self._plan.epochs}",
            completed=record.batch,
            speed=speed_line(record, self._plan),
        )
        self._live.update(Group(self._bar, Text(loss_line(record), style="dim")))

    def epoch(self, record: EpochRecord) -> None:
        self.console.print(Text(epoch_line(record, self._plan)))
        for line in score_lines(record.scores):
            self.console.print(Text(line), soft_wrap=True)

    def close(self) -> None:
        self._live.stop()


def start_line(plan: Plan, step: int) -> str:
    return f"going on after update {step} of {plan.describe()}" if step else plan.describe()


def speed_line(record: StepRecord, plan: Plan) -> str:
    """Rate, share of waiting for data, memory, and the time that the rest of the run will take (evaluations apart)."""
    speed = record.speed
    images = (plan.iterations - (record.epoch - 1) * plan.batches - record.batch) * plan.batch
    remaining = duration(images / speed.images_per_second) if speed.images_per_second > 0 else "?"
    memory = f"  {speed.memory / 2**30:.1f} GiB" if speed.memory else ""
    return f"{speed.images_per_second:.1f} images/s  data wait {speed.wait:.0%}{memory}  ETA {remaining}"


def loss_line(record: StepRecord) -> str:
    """Every part raw, as its task computed it; the weight of a task where it is not 1."""
    parts = "  ".join(f"{name} {value:.4g}" for name, value in record.losses.items()) or "no labels"
    weights = "".join(f"  {task} ×{weight:.3g}" for task, weight in record.weights.items() if weight != 1.0)
    return f"lr {record.lr:.2e}  {parts}{weights}"


def epoch_line(record: EpochRecord, plan: Plan) -> str:
    losses = "  ".join(f"{name} {value:.4g}" for name, value in record.losses.items())
    fitness = "" if record.fitness is None else f"  fitness {record.fitness:.4f}"
    return f"epoch {record.epoch}/{plan.epochs} done  {losses}{fitness}{' (best so far)' if record.best else ''}"


def score_lines(scores: Mapping[str, Scores]) -> list[str]:
    """A line a task with its first numbers: metrics put what matters first; the run's files have all of them."""
    lines = []
    for task, found in scores.items():
        shown = list(found.numbers.items())[:SHOWN]
        numbers = "  ".join(f"{name} {'–' if value is None else format(value, '.4f')}" for name, value in shown)
        lines.append(f"  {task}  {numbers}")
    return lines


def duration(seconds: float) -> str:
    """h:mm:ss"""
    whole = max(round(seconds), 0)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
