"""The causal test as a forest plot: what each intervention changes, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from .figure import GREY, MARKERS, colour, drawn
from .report import Row

KINDS = ("neutral", "swap", "shuffle", "initial")


def plot_changes(rows: Sequence[Row], path: Path) -> Path:
    """Draw a row of panels a task, a panel a number, in it a line a code and intervention; rows of `ablate.changes`."""
    numbers: dict[str, list[str]] = {}
    for row in rows:
        if row["number"] not in numbers.setdefault(row["task"], []):
            numbers[row["task"]].append(row["number"])
    codes = {task: list(dict.fromkeys(row["code"] for row in rows if row["task"] == task)) for task in numbers}
    columns = max(map(len, numbers.values()), default=1)
    lines = [len(codes[task]) + 0.8 for task in numbers]
    with drawn(path, 2.5 * columns + 1.6, 0.62 * sum(lines) + 0.5) as figure:
        grid = figure.subplots(
            len(numbers), columns, squeeze=False, sharey="row", gridspec_kw={"height_ratios": lines or None}
        )
        for panels, (task, own) in zip(grid, numbers.items(), strict=True):
            for axes in panels[len(own) :]:
                axes.set_visible(False)
            for axes, number in zip(panels, own, strict=False):
                shown = [row for row in rows if (row["task"], row["number"]) == (task, number)]
                _panel(axes, shown, codes[task])
                axes.set_title(f"{task} · {number}", loc="left")
        for axes in grid[-1]:
            axes.set_xlabel("change in points (× 100)")
        used = [k for k, kind in enumerate(KINDS) if any(row["intervention"] == kind for row in rows)]
        handles = [Line2D([], [], marker=MARKERS[k], color=colour(k), markersize=4) for k in used]
        figure.legend(handles, [KINDS[k] for k in used], loc="outside upper right", ncols=len(KINDS))
    return path


def _panel(axes: Axes, rows: Sequence[Row], codes: Sequence[str]) -> None:
    for row in rows:
        if row["change"] is None:
            continue
        k = KINDS.index(row["intervention"])
        y = codes.index(row["code"]) + (k - (len(KINDS) - 1) / 2) * 0.18
        low, high = (row["change"] if row[side] is None else row[side] for side in ("low", "high"))
        axes.plot([100 * low, 100 * high], [y, y], color=colour(k), linewidth=1.6)
        axes.plot(100 * row["change"], y, MARKERS[k], color=colour(k), markersize=4)
    axes.axvline(0, color=GREY, linewidth=0.9)
    axes.set_yticks(range(len(codes)), codes)
    axes.set_ylim(len(codes) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
