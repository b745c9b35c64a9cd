"""Curves of a training: every loss part over the updates, the tasks' main scores over the epochs.

Read from the `metrics.jsonl` of a run folder, so it works while the run goes on and after it was stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from unified.errors import DataError
from unified.train.log import METRICS, read

from .figure import colour, dash, drawn, marker

SHOWN_SCORES = 5  # curves in one picture that an eye can still follow


def plot_curves(run: Path, out: Path) -> Path:
    """Draw the curves of the run folder `run` into the picture file `out`, and return it.

    Raises:
        DataError: the folder has no metrics yet.
    """
    lines = read(run / METRICS)
    if not lines:
        raise DataError(f"{run}: no line in {METRICS} yet; give the folder of a run that has trained a few updates")
    with drawn(out, 9, 3.2) as figure:
        losses, scores = figure.subplots(1, 2)
        _draw(losses, [line for line in lines if line["kind"] == "step"], "step", _keys(lines, "loss/"))
        losses.set(xlabel="update", yscale="log")
        losses.set_title("loss parts, unweighted", loc="left")
        plain_numbers(losses)
        epochs = [line for line in lines if line["kind"] == "epoch"]
        _draw(scores, epochs, "epoch", main_scores(epochs), marked=True)
        scores.set(xlabel="epoch", ylim=(0, 1))
        scores.set_title("scores of the averaged weights on val", loc="left")
        scores.xaxis.set_major_locator(MaxNLocator(integer=True))
    return out


def _draw(axes: Axes, lines: Sequence[Mapping[str, Any]], x: str, keys: Sequence[str], marked: bool = False) -> None:
    for i, key in enumerate(keys):
        points = [(at[x], at[key]) for at in lines if at.get(key) is not None]
        if points:
            (line,) = axes.plot(*zip(*points, strict=True), marker=marker(i) if marked else "", markersize=3.5)
            line.set(label=key.removeprefix("loss/").replace("/", " · "), color=colour(i), linestyle=dash(i))
    if axes.lines:
        axes.legend()


def plain_numbers(axes: Axes) -> None:
    """0.2, 0.5, 1, 2 … on a logarithmic axis, in place of powers of ten."""
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def _keys(lines: Sequence[Mapping[str, Any]], prefix: str) -> list[str]:
    return list(dict.fromkeys(key for line in lines for key in line if key.startswith(prefix)))


def main_scores(epochs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The first numbers of each task, in turn, as many as one picture can bear: metrics put their main number first."""
    by_task: dict[str, list[str]] = {}
    for key in (
        key for line in epochs for key in line if "/" in key and not key.startswith(("loss/", "weight/", "conflict/"))
    ):
        names = by_task.setdefault(key.partition("/")[0], [])
        if key not in names:
            names.append(key)
    ranked = sorted((i, task, key) for task, keys in by_task.items() for i, key in enumerate(keys))
    return [key for _, _, key in ranked[:SHOWN_SCORES]]
