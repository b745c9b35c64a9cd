"""The codes over the training, from the code log: how every value left its start, by group of outputs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from torch import Tensor

from unified.train.code_log import Entry

from .figure import GREY, colour, drawn
from .report import Row
from .subject import Code, levels_of, rms

FEW = 8  # values that are drawn as lines; of more, the median and where 90 % of them are


def plot_history(entries: Sequence[Entry], codes: Sequence[Code], path: Path) -> Path:
    """Draw channel-wise codes over the updates: a row of panels a task and place, a panel a level."""
    rows = list(dict.fromkeys((code.task, code.place) for code in codes))
    levels = levels_of(codes)
    parts = list(dict.fromkeys(output.part for code in codes for output in code.outputs))
    steps = [entry.step for entry in entries]
    with drawn(path, 2.9 * len(levels) + 0.9, 1.75 * len(rows) + 0.5) as figure:
        grid = figure.subplots(len(rows), len(levels), squeeze=False, sharex=True, sharey="row")
        for axes in grid.flat:
            axes.set_visible(False)
        for code in codes:
            row, column = rows.index((code.task, code.place)), levels.index(code.level)
            axes = grid[row][column]
            axes.set_visible(True)
            _panel(axes, steps, values_of(entries, code), code, parts)
            axes.set_title(f"{code.task} · {code.place} · {code.level}", loc="left")
            if column == 0:
                axes.set_ylabel("g(z)")
        for axes in grid[-1]:
            axes.set_xlabel("update")
        names = [*(["all channels"] if any(not code.outputs for code in codes) else []), *parts]
        lines = [Line2D([], [], color=_shade(parts, name)) for name in names]
        figure.legend(lines, names, loc="outside upper right", ncols=len(names))
    return path


def values_of(entries: Sequence[Entry], code: Code) -> Tensor:
    """(entries, n)"""
    return torch.stack([entry.codes[code.name] for entry in entries])


def distances(entries: Sequence[Entry], code: Code) -> list[Row]:
    """How far the code is from neutral and from its start, root of the mean square, entry by entry."""
    start = entries[0].codes[code.name]
    centre = code.code.centre.float().flatten()
    rows: list[Row] = []
    for entry in entries:
        g = entry.codes[code.name]
        from_neutral = {"from_neutral": rms(g - centre)} if len(g) == len(centre) else {}
        rows.append({"code": code.name, "update": entry.step} | from_neutral | {"from_start": rms(g - start)})
    return rows


def _shade(parts: Sequence[str], part: str) -> str:
    """The colour of a group; what is in no group has the first."""
    return colour(parts.index(part) + 1 if part in parts else 0)


def _panel(axes: Axes, steps: Sequence[int], values: Tensor, code: Code, parts: Sequence[str]) -> None:
    groups: dict[str, list[int]] = {}
    for i, output in enumerate(code.outputs):
        groups.setdefault(output.part, []).append(i)
    for part, indices in (groups or {"": list(range(values.shape[1]))}).items():
        own, shade = values[:, indices], _shade(parts, part)
        if len(indices) <= FEW:
            axes.plot(steps, own.numpy(), color=shade, linewidth=0.9)
            continue
        low, middle, high = own.quantile(torch.tensor([0.05, 0.5, 0.95]), dim=1).tolist()
        axes.fill_between(steps, low, high, color=shade, alpha=0.2, linewidth=0)
        axes.plot(steps, middle, color=shade)
    axes.axhline(float(code.code.centre.float().mean()), color=GREY, linewidth=0.8)
