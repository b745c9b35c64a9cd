"""`unified analyze conflict`: whether the tasks pull the trunk the same way, level by level over the training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from unified.errors import DataError
from unified.train.log import METRICS, read

from .figure import DIVERGING, bare, drawn
from .report import Plot, Row, Section, folder_of, save

NAME = "conflict"
PREFIX = "conflict/cosine/"  # and level/task/task: keys of metrics.jsonl
LIMITS = (0.1, 0.2, 0.5, 1.0)  # where the colours may end; on ±1 weak agreement could not be seen

READING = (
    "Cosine between the gradients of two tasks' losses at the trunk's features, update by update from left to right. "
    "Purple: both want the same change; white: they do not care about each other; orange: what helps one hurts the "
    "other. The scale ends at the strongest cosine seen here, rounded up: mind its numbers."
)


def analyze(run: Path, out: Path) -> Section:
    """Read a run's log; writes the section to `out` and returns it.

    Raises:
        DataError: the run logged no gradient cosines.
    """
    found = cosines(read(run / METRICS))
    if not found:
        raise DataError(
            f"{run}: no gradient cosines in {METRICS}; they are logged every joint.log_every updates of a model "
            "with at least two tasks, so not where that is 0 or the run was shorter"
        )
    section = Section(NAME, "Where the tasks pull apart", str(run))
    plot_conflict(found, folder_of(out, NAME) / "conflict.png")
    section.plots.append(Plot("conflict.png", "Gradient cosines over the training", READING))
    section.tables["summary"] = summary(found)
    section.data["cosines"] = [
        {"pair": pair, "level": level, "update": step, "cosine": value}
        for (pair, level), series in found.items()
        for step, value in series.items()
    ]
    save(section, out)
    return section


def cosines(lines: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], dict[int, float]]:
    """{("detection · classification", "p3"): {update: cosine, …}, …} of the lines of metrics.jsonl."""
    found: dict[tuple[str, str], dict[int, float]] = {}
    for line in lines:
        for key, value in line.items():
            if key.startswith(PREFIX) and value is not None:
                level, *pair = key.removeprefix(PREFIX).split("/")
                found.setdefault((" · ".join(pair), level), {})[line["step"]] = value
    return found


def summary(found: Mapping[tuple[str, str], Mapping[int, float]]) -> list[Row]:
    """One row a pair and level: the mean over the training, over its last quarter, and how often they disagree."""
    rows = []
    for (pair, level), series in found.items():
        values = np.asarray(list(series.values()))
        late = values[-max(len(values) // 4, 1) :]
        rows.append(
            {
                "pair": pair,
                "level": level,
                "entries": len(values),
                "mean": float(values.mean()),
                "mean_of_last_quarter": float(late.mean()),
                "share_negative": float((values < 0).mean()),
            }
        )
    return rows


def plot_conflict(found: Mapping[tuple[str, str], Mapping[int, float]], path: Path) -> Path:
    """Draw a strip of updates for every level, a panel a pair of tasks."""
    pairs = list(dict.fromkeys(pair for pair, _ in found))
    levels = list(dict.fromkeys(level for _, level in found))
    steps = sorted({step for series in found.values() for step in series})
    strongest = max(abs(value) for series in found.values() for value in series.values())
    limit = next((limit for limit in LIMITS if strongest <= limit), LIMITS[-1])
    with drawn(path, 8.0, (0.32 * len(levels) + 0.75) * len(pairs) + 0.4) as figure:
        grid = figure.subplots(len(pairs), 1, squeeze=False, sharex=True)[:, 0]
        for axes, pair in zip(grid, pairs, strict=True):
            matrix = [[found.get((pair, level), {}).get(step, np.nan) for step in steps] for level in levels]
            image = axes.imshow(
                matrix, cmap=DIVERGING, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest",
                extent=(-0.5, len(steps) - 0.5, len(levels) - 0.5, -0.5),
            )  # fmt: skip
            bare(axes)
            axes.set_yticks(range(len(levels)), levels)
            axes.set_title(pair, loc="left")
        shown = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), 7)).astype(int)).tolist()
        grid[-1].set_xticks(shown, [str(steps[i]) for i in shown])
        grid[-1].set_xlabel("update")
        figure.colorbar(image, ax=list(grid), label="cosine", shrink=0.9)
    return path
