"""The alignment codes, channel by channel: every task's beside the others', level by level."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .figure import GREY, colour, drawn, marker
from .subject import Code, levels_of


def plot_channels(codes: Sequence[Code], path: Path) -> Path:
    """Draw the deviation from neutral of channel-wise codes of one place, channels in the first task's order."""
    levels = levels_of(codes)
    tasks = list(dict.fromkeys(code.task for code in codes))
    with drawn(path, 8.0, 1.6 * len(levels) + 0.5) as figure:
        panels = figure.subplots(len(levels), 1, squeeze=False)[:, 0]
        for axes, level in zip(panels, levels, strict=True):
            own = [code for code in codes if code.level == level]
            order = own[0].deviation().argsort()
            for code in own:
                deviation, i = code.deviation(), tasks.index(code.task)
                shown = deviation[order] if len(deviation) == len(order) else deviation.sort().values
                axes.plot(shown, marker(i), markersize=3, linestyle="", color=colour(i), label=code.task)
            axes.axhline(0, color=GREY, linewidth=0.8)
            axes.set(ylabel="g − neutral", xlim=(-1, len(order)))
            axes.set_title(f"{level} · {len(order)} channels", loc="left")
        panels[-1].set_xlabel(f"channels, in the order of {codes[0].task}'s values")
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper right", ncols=len(tasks), markerscale=1.6)
    return path
