"""What a data set holds, drawn: sizes of boxes and pictures, objects of a picture, the commonest classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from unified.data.stats import MEDIUM, SMALL, Histograms, Stats

from .figure import GREY, colour, drawn

CLASSES = 20  # names that fit beside each other
BINS = 40


def plot_stats(stats: Stats, out: Path) -> Path:
    """Draw four histograms, a colour a split, into the picture file `out`, and return it."""
    with drawn(out, 10, 6) as figure:
        sizes, counts, pictures, classes = figure.subplots(2, 2).flat
        _draw_sizes(sizes, stats.histograms)
        _draw_counts(counts, stats.histograms)
        for i, each in enumerate(stats.histograms):
            width, height = each.pictures.T
            pictures.scatter(width, height, s=6, alpha=0.4, color=colour(i), label=each.split)
        pictures.set(
            title="Pictures", xlabel="width in pixels", ylabel="height in pixels", xlim=(0, None), ylim=(0, None)
        )
        _draw_classes(classes, stats.histograms)
        for axes in (sizes, counts, pictures, classes):
            if axes.get_legend_handles_labels()[0]:
                axes.legend()
    return out


def _draw_sizes(axes: Axes, splits: tuple[Histograms, ...]) -> None:
    everything = np.concatenate([split.sizes for split in splits])
    if len(everything):
        edges = np.geomspace(max(everything.min(), 1.0), max(everything.max(), 2.0), BINS)
        for i, split in enumerate(splits):
            axes.hist(split.sizes, edges.tolist(), histtype="step", color=colour(i), label=split.split)
        for limit in (SMALL**0.5, MEDIUM**0.5):  # of COCO's small and medium
            axes.axvline(limit, color=GREY, linestyle=":")
    axes.set(title="Boxes", xlabel="square root of the area in pixels", ylabel="objects", xscale="log")


def _draw_counts(axes: Axes, splits: tuple[Histograms, ...]) -> None:
    most = max((int(split.counts.max(initial=0)) for split in splits), default=0)
    edges = np.linspace(-0.5, most + 0.5, min(most + 2, BINS))
    for i, split in enumerate(splits):
        axes.hist(split.counts, edges.tolist(), histtype="step", color=colour(i), label=split.split)
    axes.set(title="Objects of a picture", xlabel="objects", ylabel="pictures")


def _draw_classes(axes: Axes, splits: tuple[Histograms, ...]) -> None:
    names = list(dict.fromkeys(name for split in splits for name in split.classes))
    totals = {name: sum(split.classes.get(name, 0) for split in splits) for name in names}
    shown = sorted(names, key=lambda name: -totals[name])[:CLASSES]
    below = np.zeros(len(shown))
    for i, split in enumerate(splits):
        heights = np.array([split.classes.get(name, 0) for name in shown], dtype=np.float64)
        axes.bar(shown, heights, bottom=below, color=colour(i), label=split.split)
        below += heights
    title = "Classes" if len(shown) == len(names) else f"The {len(shown)} commonest of {len(names)} classes"
    axes.set(title=title, ylabel="pictures that show it")
    axes.tick_params(axis="x", labelrotation=60)
