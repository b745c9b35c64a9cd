"""Figure 9 of arXiv 2105.04206: the value of every refinement code, by anchor, level and group of outputs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from matplotlib.axes import Axes

from .figure import GREY, colour, drawn, marker
from .subject import Code, levels_of

Point = tuple[str, str, str, float]  # part, name, anchor, value
READABLE_NAMES = 60  # along one axis; more are left out, as in COCO's 80 classes on a narrow page
NAME_INCHES, MARGIN_INCHES = 0.22, 2.2
MOST_INCHES = 16.0


def plot_refinement(codes: Sequence[Code], path: Path) -> Path:
    """Draw the refinement codes `codes` of one task, one row of panels a level, one panel a group of outputs."""
    levels = levels_of(codes)
    points = [points_of(code) for code in codes]
    widths = [max(len({name for _, name, _, _ in group}), 2) for group in _parts(points[0]).values()]
    width = min(NAME_INCHES * sum(widths) + MARGIN_INCHES + 0.5 * len(widths), MOST_INCHES)
    with drawn(path, max(width, 5.0), 1.75 * len(levels) + 0.7) as figure:
        grid = figure.subplots(
            len(levels), len(widths), squeeze=False, sharey="row", gridspec_kw={"width_ratios": widths}
        )
        for i, (row, code, found) in enumerate(zip(grid, codes, points, strict=True)):
            neutral = float(code.code.centre.float().mean())
            for axes, (part, group) in zip(row, _parts(found).items(), strict=True):
                _panel(axes, group, neutral)
                axes.set_title(f"{code.level} · {part}", loc="left")
            row[0].set_ylabel("g(z)")
            if i == 0:
                handles, names = row[-1].get_legend_handles_labels()
                if len(names) > 1:
                    figure.legend(handles, names, title="anchor", loc="outside right upper")
    return path


def points_of(code: Code) -> list[Point]:
    """Every value of a channel-wise code with what it belongs to; numbered where the task gives no names."""
    values = code.values()[0].tolist()
    if not code.outputs:
        return [("channels", str(i), "", value) for i, value in enumerate(values)]
    return [(o.part, o.name, o.anchor, value) for o, value in zip(code.outputs, values, strict=True)]


def _parts(points: Sequence[Point]) -> dict[str, list[Point]]:
    """By part, in order of appearance."""
    parts: dict[str, list[Point]] = {}
    for point in points:
        parts.setdefault(point[0], []).append(point)
    return parts


def _panel(axes: Axes, points: Sequence[Point], neutral: float) -> None:
    names = list(dict.fromkeys(name for _, name, _, _ in points))
    anchors = list(dict.fromkeys(anchor for _, _, anchor, _ in points))
    share = 0.7 / len(anchors)
    for a, anchor in enumerate(anchors):
        own = [(name, value) for _, name, whose, value in points if whose == anchor]
        x = [names.index(name) + (a - (len(anchors) - 1) / 2) * share for name, _ in own]
        y = [value for _, value in own]
        axes.vlines(x, neutral, y, color=colour(a), linewidth=1.6)
        axes.plot(x, y, marker(a), markersize=3, color=colour(a), label=anchor.split(" ")[0] or None)
    axes.axhline(neutral, color=GREY, linewidth=0.8)
    axes.grid(visible=False, axis="x")
    axes.set_xlim(-0.6, len(names) - 0.4)
    if len(names) > READABLE_NAMES:
        axes.set_xlabel(f"{len(names)} names; all values are in the CSV")
        axes.set_xticks([])
        return
    long = max(map(len, names)) > 3
    axes.set_xticks(range(len(names)), names, rotation=90 if long else 0)


def by_anchor(code: Code) -> dict[str, list[float]]:
    """{"2 (16×30)": the values of that anchor, …}; one nameless entry where there are no anchors."""
    return {
        anchor: [value for *_, value in group] for anchor, group in groupby(points_of(code), key=lambda point: point[2])
    }
