"""Everything that one run can tell, in one report: `unified analyze atlas`, and the end of `unified demo`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from unified.errors import DataError

from . import ablate, alignment, comparison, conflict, cost, implicit
from .ablate import PICTURES
from .bootstrap import DRAWS
from .figure import on_screen
from .report import REPORT, Section

QUICK_PICTURES, QUICK_DRAWS = 60, 100  # some seconds on a CPU for a small model


@dataclass(frozen=True, slots=True)
class Atlas:
    """The page, and why it lacks what it lacks."""

    page: Path
    left_out: Sequence[str]


def write_atlas(
    run: Path, out: Path, overrides: Sequence[str] = (), *, split: str = "val", quick: bool = False
) -> Atlas:
    """Write all sections that the run in the folder `run` allows to `out`. `quick` looks at fewer pictures, and draws
    for the screen alone.

    Raises:
        CheckpointError: no checkpoint, or one without codes.
        ConfigError: no data set.
    """
    if quick:
        with on_screen():
            return _write(run, out, overrides, split=split, pictures=QUICK_PICTURES, draws=QUICK_DRAWS)
    return _write(run, out, overrides, split=split, pictures=PICTURES, draws=DRAWS)


def _write(run: Path, out: Path, overrides: Sequence[str], *, split: str, pictures: int, draws: int) -> Atlas:
    implicit.analyze(run, out)
    ablate.analyze(run, out, overrides, split=split, pictures=pictures, draws=draws)
    possible: list[Callable[[], Section]] = [
        lambda: alignment.analyze(run, out, overrides, split=split, pictures=pictures),
        lambda: conflict.analyze(run, out),
        lambda: comparison.analyze([run], out),
    ]
    left_out = []
    for section in possible:
        try:
            section()
        except DataError as error:  # no boxes, no gradient cosines, no metrics
            left_out.append(str(error))
    cost.analyze(str(run), out, device="cpu", rounds=cost.ROUNDS)
    return Atlas(out / REPORT, left_out)
