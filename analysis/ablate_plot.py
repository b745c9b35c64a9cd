"""The causal test as a forest plot: what each intervention changes, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .figure import GREY, colour, drawn
from .report import Row

KINDS = ("neutral", "swap", "shuffle", "initial")
MARKERS = ("o", "s", "^", "D")


def plot_changes(rows: Sequence[Row], path: Path) -> Path:
    """Draw a panel a task's number, a row a code and in it the interventions; rows as `ablate.changes` makes them."""
    panels = list(dict.fromkeys((row["task"], row["number"]) for row in rows))
    codes = list(dict.fromkeys(row["code"] for row in rows))
    with drawn(path, 3.6 * len(panels) + 1.6, 0.62 * len(codes) + 1.3) as figure:
        grid = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (task, number) in zip(grid, panels, strict=True):
            own = [row for row in rows if (row["task"], row["number"]) == (task, number) and row["change"] is not None]
            shown = [code for code in codes if any(row["code"] == code for row in own)]
            for row in own:
                k = KINDS.index(row["intervention"])
                y = shown.index(row["code"]) + (k - (len(KINDS) - 1) / 2) * 0.18
                low, high = (row[side] if row[side] is not None else row["change"] for side in ("low", "high"))
                axes.plot([100 * low, 100 * high], [y, y], color=colour(k), linewidth=1.6)
                axes.plot(100 * row["change"], y, MARKERS[k], color=colour(k), markersize=4)
            axes.axvline(0, color=GREY, linewidth=0.9)
            axes.set_yticks(range(len(shown)), shown)
            axes.set_ylim(len(shown) - 0.5, -0.5)
            axes.grid(visible=False, axis="y")
            axes.set_title(f"{task} · {number}", loc="left")
            axes.set_xlabel("change in points (× 100)")
        for k, kind in enumerate(KINDS):
            if any(row["intervention"] == kind for row in rows):
                grid[0].plot([], [], MARKERS[k], linestyle="-", color=colour(k), markersize=4, label=kind)
        handles, names = grid[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper right", ncols=len(KINDS))
    return path
