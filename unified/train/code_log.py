"""codes.jsonl: what the implicit codes were, every so many updates.

One line an entry: {"step": updates done, "codes": {"detection/align/p3": [g of every channel it acts on], …}}, rounded
to `DIGITS` significant digits. The entry of step 0 is the start, §4.3 of arXiv 2105.04206. A code that is a matrix (a
projection) is far too large to keep: of it the singular values are logged. As metrics.jsonl, the file is a function of
configuration and seed alone, a resumed training writes the same bytes, and a line that a kill cut short is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import torch
from torch import Tensor

from unified.model.implicit import ImplicitCode
from unified.train.log import EpochRecord, StepRecord, cut, read
from unified.train.plan import Plan

CODES = "codes.jsonl"
ENTRIES = 200  # of a run, where its length decides how often: enough for a curve, some megabytes for the largest model
DIGITS = 6


@dataclass(frozen=True, slots=True)
class Entry:
    """The codes after `step` updates: {"detection/align/p3": (n,) values, or a matrix's singular values, …}."""

    step: int
    codes: Mapping[str, Tensor]


class CodeLog:
    """A sink that keeps what the codes are. Without codes it writes nothing.

    Args:
        every: updates between entries; None = as many as make about `ENTRIES` in the run.
    """

    def __init__(self, folder: Path, codes: Mapping[str, ImplicitCode], *, every: int | None = None) -> None:
        self.path = folder / CODES
        self.codes = codes
        self.every = every
        self._file: TextIO | None = None

    def start(self, plan: Plan, step: int) -> None:
        if not self.codes:
            return
        self.every = self.every or max(plan.updates // ENTRIES, 1)
        cut(self.path, step or -1)  # a training that starts anew writes its start anew
        self._file = open(self.path, "a", encoding="utf-8")  # noqa: SIM115 - until `close`
        if step == 0:
            self._write(0)

    def step(self, record: StepRecord) -> None:
        if self.every and record.step % self.every == 0:
            self._write(record.step)

    def epoch(self, record: EpochRecord) -> None:
        """Epochs are of no account here."""

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _write(self, step: int) -> None:
        if self._file is None:
            return
        codes = {name: [_rounded(value) for value in logged(code).tolist()] for name, code in self.codes.items()}
        self._file.write(json.dumps({"step": step, "codes": codes}) + "\n")
        self._file.flush()


@torch.no_grad()
def logged(code: ImplicitCode) -> Tensor:
    """What is kept of a code, (n,) on the CPU: g on the channels it acts on, or the singular values of a matrix."""
    g: Tensor = code.modelling().float().cpu()
    values: Tensor = g.flatten() if len(g) == 1 else torch.linalg.svdvals(g)
    return values


def read_codes(run: Path) -> list[Entry]:
    """The code log of a run folder, in order; empty where the run kept none."""
    return [
        Entry(line["step"], {name: torch.tensor(values) for name, values in line["codes"].items()})
        for line in read(run / CODES)
    ]


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
