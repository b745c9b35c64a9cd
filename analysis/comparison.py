"""`unified analyze curves`: Figure 11 of arXiv 2105.04206, several runs beside each other, mean ± sd over seeds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from unified.config.source import parse
from unified.errors import DataError
from unified.train.log import METRICS, read
from unified.train.run import CONFIG

from .curves import main_scores, plain_numbers, plot_curves
from .figure import colour, dash, drawn, marker
from .report import Plot, Row, Section, folder_of, save

NAME = "curves"
MOST_PANELS = 3  # a row

READING = (
    "Left, the joint loss over the updates; the others, scores on val over the epochs. Lines are means over runs that "
    "differ in their seed alone, bands and bars one standard deviation to either side; a line without is a single run."
)
READING_ONE = "Left, every part of the losses over the updates; right, the tasks' main scores on val over the epochs."


@dataclass(frozen=True, slots=True)
class Group:
    """Runs of one config, but for the seed; each the lines of its metrics.jsonl."""

    label: str
    runs: Sequence[Sequence[Mapping[str, Any]]]


def analyze(runs: Sequence[Path], out: Path) -> Section:
    """Draw the learning curves of one run, or of several together; writes the section to `out`.

    Raises:
        DataError: a folder without metrics, or without the run's config.
    """
    section = Section(NAME, "Learning curves", ", ".join(map(str, runs)))
    folder = folder_of(out, NAME)
    groups = grouped(runs)
    if len(runs) == 1:
        plot_curves(runs[0], folder / "curves.png")
        section.plots.append(Plot("curves.png", "Losses and scores", READING_ONE))
    else:
        plot_groups(groups, folder / "curves.png")
        section.plots.append(Plot("curves.png", "Runs beside each other (Figure 11)", READING))
    section.tables["final"] = [row for group in groups for row in final_rows(group)]
    section.data["curves"] = [
        {"group": group.label, "number": key, x: at, "mean": mean, "sd": sd, "runs": n}
        for group in groups
        for x, key in [("update", "loss"), *(("epoch", key) for key in _scores(groups))]
        for at, mean, sd, n in zip(*curve(group, key), strict=True)
    ]
    save(section, out)
    return section


def grouped(runs: Sequence[Path]) -> list[Group]:
    """Runs of equal configs, seeds apart; called by the config's name, or by the folder where names repeat."""
    members: dict[str, list[Path]] = {}
    for run in runs:
        members.setdefault(_identity(run), []).append(run)
    names = [json.loads(identity)["name"] for identity in members]
    groups = []
    for identity, folders in members.items():
        name = json.loads(identity)["name"]
        label = name if names.count(name) == 1 else str(folders[0])
        groups.append(Group(label, [_lines(folder) for folder in folders]))
    return groups


def _identity(run: Path) -> str:
    """The run's config without what may differ between repetitions."""
    path = run / CONFIG
    if not path.is_file():
        raise DataError(f"{run}: no {CONFIG} here; give the folder of a run")
    try:
        config = parse(path.read_text(encoding="utf-8"), str(path)).values
        config["train"].pop("seed", None)
        config["name"]
    except (TypeError, AttributeError, KeyError) as error:
        raise DataError(f"{path}: not the config of a run, or half of it ({error}); give another run") from error
    return json.dumps(config, sort_keys=True)


def _lines(run: Path) -> list[dict[str, Any]]:
    lines = read(run / METRICS)
    if not lines:
        raise DataError(f"{run}: no line in {METRICS} yet; give the folder of a run that has trained a few updates")
    return lines


def curve(group: Group, key: str) -> tuple[list[int], list[float], list[float], list[int]]:
    """Where, mean, standard deviation (0 for one run) and number of runs of a number over the training."""
    kind = "step" if key == "loss" else "epoch"
    values: dict[int, list[float]] = {}
    for lines in group.runs:
        for line in lines:
            if line["kind"] == kind and line.get(key) is not None:
                values.setdefault(line[kind], []).append(line[key])
    at = sorted(values)
    sd = [float(np.std(values[i], ddof=1)) if len(values[i]) > 1 else 0.0 for i in at]
    return at, [float(np.mean(values[i])) for i in at], sd, [len(values[i]) for i in at]


def plot_groups(groups: Sequence[Group], path: Path) -> Path:
    """Draw the loss, and a panel for every main score."""
    keys = ["loss", *_scores(groups)]
    columns = min(len(keys), MOST_PANELS)
    rows = -(-len(keys) // columns)
    with drawn(path, 2.9 * columns + 0.3, 2.3 * rows + 0.5) as figure:
        panels = figure.subplots(rows, columns, squeeze=False).flatten()
        for axes in panels[len(keys) :]:
            axes.set_visible(False)
        for axes, key in zip(panels, keys, strict=False):
            where = {at for group in groups for at in curve(group, key)[0]}
            at_the_end = len(where) == 1
            for i, group in enumerate(groups):
                _draw(axes, group, key, i, at_the_end=at_the_end)
            axes.set_title("joint loss" if key == "loss" else key.replace("/", " · "), loc="left")
            unit = "update" if key == "loss" else "epoch"
            axes.set_xlabel(f"{unit} {where.pop()}" if at_the_end else unit)
            if at_the_end:
                axes.set_xticks([])
                axes.margins(x=0.3)
        panels[0].set_yscale("log")
        plain_numbers(panels[0])
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper right", ncols=min(len(names), 4))
    return path


def _draw(axes: Axes, group: Group, key: str, i: int, *, at_the_end: bool) -> None:
    at, mean, sd, runs = curve(group, key)
    label = group.label if len(group.runs) == 1 else f"{group.label} ({len(group.runs)} seeds)"
    if at_the_end:  # side by side, or they would hide each other
        axes.errorbar(
            [i] * len(at), mean, yerr=sd, color=colour(i), marker=marker(i), markersize=4, capsize=3, label=label
        )
        return
    sign = marker(i) if key != "loss" and len(at) < 20 else ""
    axes.plot(at, mean, color=colour(i), linestyle=dash(i), marker=sign, markersize=3.5, label=label)
    if max(runs, default=0) > 1:
        low, high = np.asarray(mean) - sd, np.asarray(mean) + sd
        axes.fill_between(at, low, high, color=colour(i), alpha=0.2, linewidth=0)


def _scores(groups: Sequence[Group]) -> list[str]:
    """The main scores, at most five, that some run has."""
    epochs = [line for group in groups for lines in group.runs for line in lines if line["kind"] == "epoch"]
    return main_scores(epochs)[: 2 * MOST_PANELS - 1]


def final_rows(group: Group) -> list[Row]:
    """One row a main score: its last value, over the group's runs; None where it was never defined."""
    rows: list[Row] = []
    for key in _scores([group]):
        at, mean, sd, runs = curve(group, key)
        if not at:  # no small object on val, say
            rows.append({"group": group.label, "number": key, "epoch": None, "mean": None, "sd": None, "runs": 0})
            continue
        last: Row = {"group": group.label, "number": key, "epoch": at[-1], "mean": mean[-1]}
        rows.append(last | {"sd": sd[-1] if runs[-1] > 1 else None, "runs": runs[-1]})
    return rows
