"""What an experiment found: means over seeds, differences between variants of the same seed, and Δm.

    Δm = 100 / T · Σ_t (M_t − B_t) / B_t         arXiv 1904.08918, for numbers of which more is better

with M_t the number of task t in a run and B_t its mean over the runs of the variant that it is relative to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from unified.experiment.interval import Mean, mean
from unified.experiment.runs import Run
from unified.experiment.spec import Experiment

Verdict = Literal["reproduced", "not reproduced", "undecided"]
Numbers = Mapping[str, Mapping[int, Mapping[str, float | None]]]  # variant → seed → number → value


@dataclass(frozen=True, slots=True)
class Difference:
    """One number of one variant less that of another."""

    mean: Mean | None  # paired by seed
    paper: float | None  # what the paper prints, in points; None where it says nothing
    verdict: Verdict | None  # on the direction that the paper has; None where it has none


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of one variant."""

    mean: Mean | None
    paper: float | None  # in per cent
    differences: Mapping[str, Difference]  # to each variant that it is compared with


@dataclass(frozen=True, slots=True)
class Outcome:
    """The table: cells by variant and number, and Δm by variant."""

    cells: Mapping[str, Mapping[str, Cell]]
    delta_m: Mapping[str, Mean | None]


def gathered(runs: Sequence[Run]) -> dict[str, dict[int, dict[str, float | None]]]:
    """The scores of the runs that have finished."""
    found: dict[str, dict[int, dict[str, float | None]]] = {}
    for run in runs:
        if scores := run.scores():
            found.setdefault(run.variant, {})[run.seed] = scores
    return found


def outcome(experiment: Experiment, found: Numbers) -> Outcome:
    """The table of what is there so far."""
    cells = {
        variant: {number: _cell(experiment, found, variant, number) for number in experiment.numbers}
        for variant in experiment.variants
    }
    return Outcome(cells, {variant: _delta_m(experiment, found, variant) for variant in experiment.variants})


def values(found: Numbers, variant: str, number: str) -> dict[int, float]:
    """{seed: value} where it is there and defined."""
    return {seed: v for seed, own in found.get(variant, {}).items() if (v := own.get(number)) is not None}


def _cell(experiment: Experiment, found: Numbers, variant: str, number: str) -> Cell:
    own = values(found, variant, number)
    paper = experiment.variants[variant].paper.get(number)
    differences = {
        other: _difference(experiment, found, variant, other, number) for other in experiment.against(variant)
    }
    return Cell(mean(list(own.values())), paper, differences)


def _difference(experiment: Experiment, found: Numbers, variant: str, other: str, number: str) -> Difference:
    a, b = (values(found, name, number) for name in (variant, other))
    paired = mean([a[seed] - b[seed] for seed in a if seed in b])
    printed = [experiment.variants[name].paper.get(number) for name in (variant, other)]
    direction = None if printed[0] is None or printed[1] is None else round(printed[0] - printed[1], 6)
    return Difference(paired, direction, _verdict(direction, paired))


def _verdict(direction: float | None, difference: Mean | None) -> Verdict | None:
    """Whether the sign of the paper's difference is that of ours, where ours has one."""
    if not direction or difference is None:
        return None
    surely = difference.surely()
    if not surely:
        return "undecided"
    return "reproduced" if surely * direction > 0 else "not reproduced"


def _delta_m(experiment: Experiment, found: Numbers, variant: str) -> Mean | None:
    """Over the seeds that have every number; None where the variant lacks a task."""
    base = {}
    for number, reference in experiment.delta_m.items():
        if not (known := values(found, reference, number)):
            return None
        base[number] = fmean(known.values())
    if not base or not all(base.values()):
        return None
    own = {number: values(found, variant, number) for number in base}
    seeds = set.intersection(*(set(by_seed) for by_seed in own.values()))
    return mean([100 * fmean((own[n][seed] - base[n]) / base[n] for n in base) for seed in sorted(seeds)])
