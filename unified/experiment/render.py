"""The table of an experiment: Markdown for people, CSV and JSON for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from unified.experiment.interval import Mean
from unified.experiment.outcome import Difference, Numbers, Outcome
from unified.experiment.runs import Run
from unified.experiment.spec import Experiment
from unified.train.durable import replace_file

MARKS = {"reproduced": "✓", "not reproduced": "✗", "undecided": "?"}

LEGEND = (
    "The direction of the paper's difference is ✓ reproduced, ✗ not reproduced (the interval lies on the other side of "
    "0), ? undecided at this size."
)

Row = dict[str, Any]


def write(experiment: Experiment, out: Path, found: Numbers, table: Outcome, changed: Sequence[str] = ()) -> list[Path]:
    """table.md, table.csv, differences.csv, table.json and runs.csv in `out`; `changed` as in `markdown`."""
    files = {
        "table.md": markdown(experiment, table, found, changed),
        "table.csv": to_csv(rows(experiment, table)),
        "differences.csv": to_csv(difference_rows(table)),
        "table.json": json.dumps(to_json(experiment, table, changed), indent=1, ensure_ascii=False, allow_nan=False)
        + "\n",
        "runs.csv": to_csv(run_rows(experiment, found)),
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        replace_file(out / name, text.encode())
    return [out / name for name in files]


def markdown(experiment: Experiment, table: Outcome, found: Numbers, changed: Sequence[str] = ()) -> str:
    """Means ± 95 % intervals in per cent, then the paired differences, then the paper's own numbers.

    `changed` are the words that changed the experiment's configs, dotted.key=value; the table says so.
    """
    with_delta = bool(experiment.delta_m)
    head = ["", "seeds", *experiment.numbers, *(["Δm %"] if with_delta else [])]
    body = [
        [name, str(len(found.get(name, {}))), *(_percent(cell.mean) for cell in cells.values())]
        + ([_shown(table.delta_m[name])] if with_delta else [])
        for name, cells in table.cells.items()
    ]
    parts = [f"### {experiment.title}", "", *_table(head, body), "", "Mean ± 95 % interval (t) over seeds, × 100."]
    if changed:
        parts += ["", f"Not as shipped: `{' '.join(changed)}`."]
    body = [
        [f"{name} − {other}", *(_difference(cells[number].differences[other]) for number in experiment.numbers)]
        for name, cells in table.cells.items()
        for other in experiment.against(name)
        if any(cells[number].differences[other].mean is not None for number in experiment.numbers)
    ]
    if body:
        parts += ["", *_table(["paired by seed", *experiment.numbers], body)]
    if any(variant.paper for variant in experiment.variants.values()):
        body = [
            [name, *(f"{cell.paper:.1f}" if cell.paper is not None else "" for cell in cells.values())]
            for name, cells in table.cells.items()
        ]
        parts += ["", LEGEND, "", *_table(["paper", *experiment.numbers], body)]
    return "\n".join(parts) + "\n"


def rows(experiment: Experiment, table: Outcome) -> list[Row]:
    """One row a variant and number, as fractions."""
    return [
        {"variant": variant, "number": number, **_fields(cell.mean), "paper_percent": cell.paper}
        for variant, cells in table.cells.items()
        for number, cell in cells.items()
    ]


def difference_rows(table: Outcome) -> list[Row]:
    """One row a variant, a variant that it is compared with, and a number; as fractions."""
    return [
        {"variant": variant, "against": other, "number": number, **_fields(found.mean)}
        | {"paper_points": found.paper, "direction": found.verdict}
        for variant, cells in table.cells.items()
        for number, cell in cells.items()
        for other, found in cell.differences.items()
    ]


def run_rows(experiment: Experiment, found: Numbers) -> list[Row]:
    """One row a run that has finished."""
    return [
        {"variant": variant, "seed": seed} | {number: scores.get(number) for number in experiment.numbers}
        for variant, by_seed in found.items()
        for seed, scores in sorted(by_seed.items())
    ]


def to_json(experiment: Experiment, table: Outcome, changed: Sequence[str] = ()) -> Row:
    delta = {name: asdict(value) if value else None for name, value in table.delta_m.items()}
    about = {"name": experiment.name, "title": experiment.title, "changed": list(changed)}
    return about | {
        "cells": rows(experiment, table),
        "differences": difference_rows(table),
        "delta_m": delta,
    }


def to_csv(table: Sequence[Row]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(dict.fromkeys(key for row in table for key in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return out.getvalue()


def unfinished(runs: Sequence[Run]) -> list[str]:
    """The runs that the table lacks."""
    return [f"{run.name} ({run.state() or 'not started'})" for run in runs if run.state() != "finished"]


def _fields(found: Mean | None) -> Row:
    value, half, runs = (found.value, found.half, found.runs) if found else (None, None, 0)
    return {"mean": value, "half_interval": half, "runs": runs}


def _percent(found: Mean | None, sign: str = "") -> str:
    if found is None:
        return ""
    half = "" if found.half is None else f" ± {100 * found.half:.1f}"
    return f"{100 * found.value:{sign}.1f}{half}"


def _shown(found: Mean | None) -> str:
    """Δm, which is in per cent already."""
    if found is None:
        return ""
    return f"{found.value:+.1f}" + ("" if found.half is None else f" ± {found.half:.1f}")


def _difference(found: Difference) -> str:
    mark = f" {MARKS[found.verdict]}" if found.verdict else ""
    return _percent(found.mean, "+") + mark


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join(["---", *["---:"] * (len(head) - 1)]) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in body]
