"""`unified analyze alignment`: Figure 4 of arXiv 2105.04206, measured: features before and after each task's code."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import isnan
from pathlib import Path

from torch import Tensor

from unified.errors import CheckpointError, DataError

from .cka import LEAST, PERMUTATIONS, linear_cka, p_value
from .figure import MARKERS, colour, drawn
from .object_features import SIZES, AtObjects, at_objects, before_and_after, principal_axes, sharing
from .pictures import Progress, some_pictures, told
from .report import Plot, Row, Section, folder_of, save
from .subject import Code, codes_of, open_subject

NAME = "alignment"
PICTURES = 100
MOST_OBJECTS = 1000  # in CKA, whose kernels grow with the square

READING = (
    "Each dot is one labelled object: the features of the cell at its centre, on one PCA for the whole row, so that "
    "panels of a row can be compared. The first panel is f(x), what the codes of the row are given: the features that "
    "all tasks share, or those that one task makes of them before its code; the others are f(x) ⋆ g(z) of one task. "
    "The cross is their mean, the ring where it was before the code (the table has the distance in all dimensions; two "
    "are seen here). Where small and large objects lie apart, the level treats them differently; codes "
    "that align kernel spaces bring the clouds of different tasks to other places."
)


def analyze(
    path: Path,
    out: Path,
    overrides: Sequence[str] = (),
    *,
    split: str = "val",
    pictures: int = PICTURES,
    task: str | None = None,
    progress: Progress | None = None,
) -> Section:
    """Compare features before and after the alignment codes, over objects of `pictures` pictures (0 = all) of a split.

    Raises:
        CheckpointError: no checkpoint, or one without alignment codes.
        ConfigError: no such task, or no data set.
        DataError: the data set does not fit the model, or has no objects in these pictures.
    """
    subject = open_subject(path, overrides)
    codes = [code for code in codes_of(subject.model, str(path), task=task) if code.place == "align"]
    if not codes:
        raise CheckpointError(
            f"{path} has no alignment codes, which act on features; `analyze implicit` shows the others"
        )
    batches, count = some_pictures(subject, split=split, pictures=pictures)
    found = at_objects(subject.model, codes, batches)
    if progress is not None:
        progress(count, count)
    if not len(found.size):
        raise DataError(f"no labelled object in {told(count, split)}, and features are compared at objects")
    section = Section(NAME, "Features before and after the codes", f"{subject.describe()}; {told(count, split)}")
    plot_alignment(found, codes, folder_of(out, NAME) / "alignment.png")
    section.plots.append(Plot("alignment.png", f"Kernel spaces of {len(found.size)} objects (Figure 4)", READING))
    section.tables["centroids"] = centroid_rows(found, codes)
    section.tables["cka"] = cka_rows(found, codes)
    section.notes = _notes(found)
    save(section, out)
    return section


def plot_alignment(found: AtObjects, codes: Sequence[Code], path: Path) -> Path:
    """A row of panels for each level and the features on it: these, then those after the code of each task on them."""
    rows = sharing(found, codes)
    most = max(len(group) for group in rows)
    with drawn(path, 2.6 * (1 + most) + 0.4, 2.35 * len(rows) + 0.4) as figure:
        grid = figure.subplots(len(rows), 1 + most, squeeze=False, sharex="row", sharey="row")
        for row, group in zip(grid, rows, strict=True):
            own = {code.task: before_and_after(found.features[code.name], code) for code in group}
            shared = next(iter(own.values()))[0]
            first = "f(x), shared" if len(group) > 1 else _called(group, codes)
            panels = {first: shared} | {task: after for task, (_, after) in own.items()}
            for axes in row[len(panels) :]:
                axes.set_visible(False)
            # Tasks whose operators change the number of channels have axes of their own.
            same = [points for points in panels.values() if points.shape == shared.shape]
            mean, axes_of, share = principal_axes(same)
            start = (shared.double() - mean).mean(0) @ axes_of
            for axes, (name, points) in zip(row, panels.items(), strict=False):
                if points.shape != shared.shape:
                    axes.text(0.5, 0.5, "another number of channels", transform=axes.transAxes, ha="center")
                    continue
                xy = (points.double() - mean) @ axes_of
                for s, size in enumerate(SIZES):
                    here = xy[found.size == s]
                    axes.scatter(
                        *here.T.tolist(), s=11, marker=MARKERS[s], color=colour(s), alpha=0.6, linewidths=0, label=size
                    )
                axes.plot(*start.tolist(), "o", color="black", markersize=4, markerfacecolor="white")
                axes.plot(*xy.mean(0).tolist(), "x", color="black", markersize=5, markeredgewidth=1.4)
                title = f"{group[0].level} · {first}" if name == first else f"after {name}'s code"
                axes.set_title(title, loc="left")
            row[0].set_ylabel(f"PC 2 ({100 * float(share[1]):.0f} %)")
            row[0].set_xlabel(f"PC 1 ({100 * float(share[0]):.0f} %)")
        handles, names = grid[0][0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper right", ncols=3, markerscale=2)
    return path


def _called(group: Sequence[Code], codes: Sequence[Code]) -> str:
    """What the features are called that the codes `group` share: f(x), and whose where others have their own."""
    tasks = {code.task for code in codes if code.level == group[0].level}
    return "f(x)" if len(group) == len(tasks) else f"f(x) of {', '.join(code.task for code in group)}"


def centroid_rows(found: AtObjects, codes: Sequence[Code]) -> list[Row]:
    """One row a code: how far it moves the mean, in units of the features' own spread; and how far apart sizes are."""
    rows: list[Row] = []
    for code in codes:
        before, after = before_and_after(found.features[code.name], code)
        spread = float((before - before.mean(0)).square().sum(1).mean().sqrt())
        moved = float((after.mean(0) - before.mean(0)).norm())
        rows.append(
            {"task": code.task, "level": code.level, "objects": len(before), "moved": moved, "spread": spread}
            | {"moved_over_spread": moved / spread if spread else None}
            | {
                f"small_large_{when}": _gap(points, found.size)
                for when, points in (("before", before), ("after", after))
            }
        )
    return rows


def _gap(points: Tensor, size: Tensor) -> float | None:
    """Distance between the means of the smallest and the largest sizes there are; None where there is one size."""
    present = size.unique().tolist()
    if len(present) < 2:
        return None
    return float((points[size == present[0]].mean(0) - points[size == present[-1]].mean(0)).norm())


def cka_rows(found: AtObjects, codes: Sequence[Code]) -> list[Row]:
    """CKA of features with themselves after a code, of two tasks' features, and of two levels': a row a pair."""
    few = slice(0, MOST_OBJECTS)
    pairs: list[tuple[str, str, Tensor, Tensor]] = []
    groups = sharing(found, codes)
    given = {code.name: f"{code.level}, {_called(group, codes)}" for group in groups for code in group}
    for code in codes:
        before, after = before_and_after(found.features[code.name][few], code)
        pairs.append((given[code.name], f"after {code.task}'s code", before, after))
    for a, b in combinations(codes, 2):
        if a.level == b.level:
            x, y = (before_and_after(found.features[code.name][few], code)[1] for code in (a, b))
            pairs.append((f"{a.level} after {a.task}'s code", f"after {b.task}'s code", x, y))
    for low, high in combinations(groups, 2):
        if [code.task for code in low] == [code.task for code in high]:
            x, y = (found.features[group[0].name][few] for group in (low, high))
            pairs.append((given[low[0].name], given[high[0].name], x, y))
    return [
        {"first": first, "second": second, "objects": len(x)}
        | {"cka": _known(linear_cka(x, y)), "p_value": _known(p_value(x, y))}
        for first, second, x, y in pairs
    ]


def _known(value: float) -> float | None:
    return None if isnan(value) else value


def _notes(found: AtObjects) -> list[str]:
    about_cka = (
        f"CKA with unbiased HSIC; p-values from {PERMUTATIONS} permutations, so that none is below "
        f"{1 / (PERMUTATIONS + 1):.3f}. CKA is blind to shifts: for an added code it is 1 by construction, and the "
        "centroids tell what it does."
    )
    notes = [found.limits, about_cka]
    if len(found.size) < LEAST:
        notes.append(f"{len(found.size)} objects are too few for CKA, which needs {LEAST}")
    return notes
