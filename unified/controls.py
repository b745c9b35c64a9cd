"""Controls: each task trained alone with the same budget, and what the joint training gains over that.

    Δm = 1/T Σ_t Δ_t,    Δ_t = 1/M_t Σ_m ± (joint_m − alone_m) / alone_m

over the metrics that make a task's fitness; − where less is better (arXiv 1904.08918, equation (4)).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from rich.console import Console

from unified.build import build_model, freezing, load_model
from unified.build_data import open_data
from unified.config import Config
from unified.data.sample import Taxonomy
from unified.errors import ConfigError
from unified.train import checkpoint, durable
from unified.train.ranks import Ranks
from unified.train.run import STATUS
from unified.training import train

FOLDER, REPORT = "controls", "delta_m.json"


@dataclass(frozen=True, slots=True)
class Gain:
    """One metric of one task, joint and alone; `gain` is relative, positive where joint is better."""

    task: str
    metric: str
    joint: float | None
    alone: float | None
    gain: float | None  # None: a score is undefined, or that of the task alone is 0


@dataclass(frozen=True, slots=True)
class Report:
    """What a joint training gains over its controls."""

    run: str
    gains: list[Gain]
    by_task: dict[str, float | None]
    delta_m: float | None  # None unless every task has a gain

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def train_with_controls(
    config: Config, *, out: Path | None = None, resume: bool = False, console: Console | None = None
) -> Report:
    """Train `config`, then each of its tasks alone under OUT/controls/<task>; the report is left there, too.

    With `resume`, trainings that are finished are left as they are. Errors as `train`; those of the controls' configs
    come before the joint training.
    """
    if len(config.tasks) < 2:
        raise ConfigError(f"controls compare a joint training with its tasks alone; {config.name!r} has one task only")
    controls = {task: only(config, task) for task in config.tasks}
    _check(controls, open_data(config, "train").taxonomy)
    begun = {task for task in controls if out is not None and (out / FOLDER / task / STATUS).is_file()}
    run = train(config, out=out, resume=resume, console=console)
    alone = {
        task: train(control, out=run / FOLDER / task, resume=resume and task in begun, console=console)
        for task, control in controls.items()
    }
    ranks = Ranks.of_environment()
    with ranks.joined(torch.device("cpu")):  # the first process has written, and so reads, the checkpoints
        return ranks.of_first(lambda: _written(compare(run, alone), run / FOLDER / REPORT))


def _check(controls: Mapping[str, Config], taxonomy: Taxonomy) -> None:
    """ConfigError when there is no model for one of them, or nothing to be trained in it."""
    for task, config in controls.items():
        try:
            freezing(config.train, build_model(config, taxonomy))
        except ConfigError as error:
            raise ConfigError(f"controls: {task} cannot be trained alone: {error}") from error


def _written(report: Report, path: Path) -> Report:
    durable.replace_file(path, json.dumps(report.to_json(), indent=1).encode())
    return report


def only(config: Config, task: str) -> Config:
    """`config` with that task only: same trunk, data, augmentation and recipe.

    What is between tasks falls away: weights, alternation, weighting, and what is said of the others: their sources,
    labels, views, frozen parts. The gains of the task's parts stay.
    """
    values = config.to_dict()
    others = set(config.tasks) - {task}
    parts = {key: gain for key, gain in values["joint"]["parts"].items() if key.startswith(f"{task}/")}
    values |= {"tasks": {task: values["tasks"][task]}, "joint": {"parts": parts}}
    recipe, weak, data = values["train"], values["augment"]["weak"], values["data"]
    recipe["keep_labels"] = {name: share for name, share in recipe["keep_labels"].items() if name == task}
    freeze = recipe["freeze"]
    frozen = [part for part in freeze if not any(f"{part}.".startswith(f"{other}.") for other in others)]
    recipe["freeze"] = frozen if isinstance(freeze, list) else {part: freeze[part] for part in frozen}
    if isinstance(weak["tasks"], list):
        weak["tasks"] = [name for name in weak["tasks"] if name == task]
    if data and data["sources"]:
        data["sources"] = {
            name: source | {"tasks": source["tasks"] and [task]}
            for name, source in data["sources"].items()
            if source["tasks"] is None or task in source["tasks"]
        }
        if isinstance(data["mix"], dict):
            data["mix"] = {name: ratio for name, ratio in data["mix"].items() if name in data["sources"]}
    return Config.from_dict(values, f"{config.name}, {task} alone")


def compare(joint: Path, alone: Mapping[str, Path]) -> Report:
    """The best checkpoints of the joint run and of the runs of each task."""
    model, _, _ = load_model(joint)
    together = checkpoint.load(joint).progress.scores
    gains = []
    for task, folder in alone.items():
        single = checkpoint.load(folder).progress.scores
        for metric, weight in model.task(task).fitness.items():
            key = f"{task}/{metric}"
            gains.append(_gain(task, metric, together.get(key), single.get(key), less_is_better=weight < 0))
    by_task = {task: _mean([gain.gain for gain in gains if gain.task == task]) for task in alone}
    return Report(str(joint), gains, by_task, _mean(list(by_task.values())))


def _gain(task: str, metric: str, joint: float | None, alone: float | None, *, less_is_better: bool) -> Gain:
    if joint is None or not alone:
        return Gain(task, metric, joint, alone, None)
    relative = (joint - alone) / abs(alone)
    return Gain(task, metric, joint, alone, -relative if less_is_better else relative)


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None
