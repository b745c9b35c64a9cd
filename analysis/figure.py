"""How every picture looks: sizes, colours that the colour-blind can tell apart, PNG and PDF."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's palette (jfly.uni-koeln.de/color), the colours first that are strong on white.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000")
DASHES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")  # a second sign beside the colour, for print in grey
DIVERGING = "PuOr"  # ColorBrewer's, for numbers with a sign
GREY = "#8a8a8a"
DPI = 160
STYLE: Any = {  # matplotlib's type of it is a list of all its keys
    "font.size": 8.0,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8.0,
    "legend.fontsize": 7.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
    "text.parse_math": False,  # a name may have a $
    "pdf.fonttype": 42,  # letters stay letters
}

_pdf = ContextVar("pdf", default=True)


@contextmanager
def on_screen() -> Iterator[None]:
    """Figures drawn within are to be looked at, not printed: no PDF, which takes as long as drawing does."""
    token = _pdf.set(False)
    try:
        yield
    finally:
        _pdf.reset(token)


@contextmanager
def drawn(path: Path, width: float, height: float) -> Iterator[Figure]:
    """A figure of `width` × `height` inches to draw into; afterwards it is at `path`, and beside it as PDF."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=DPI)
        if not _pdf.get():
            return
        figure.set_layout_engine("none")  # it is laid out; once more would take as long as all the rest
        figure.savefig(path.with_suffix(".pdf"))


def colour(i: int) -> str:
    """The i-th colour; after the last it starts anew."""
    return COLOURS[i % len(COLOURS)]


def marker(i: int) -> str:
    """The i-th marker; after the last it starts anew."""
    return MARKERS[i % len(MARKERS)]


def dash(i: int) -> str:
    """The dash of the i-th line: another one each time that the colours start anew."""
    return DASHES[i // len(COLOURS) % len(DASHES)]


def bare(axes: Axes) -> None:
    """An image or a matrix needs neither grid nor ticks' marks."""
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
