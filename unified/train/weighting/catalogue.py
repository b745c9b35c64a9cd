"""The weightings by name: what `joint.weighting` may be."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unified.errors import ConfigError, MissingExtraError, nearest
from unified.train.weighting import gramian
from unified.train.weighting.dwa import DynamicWeightAverage
from unified.train.weighting.famo import Famo
from unified.train.weighting.fixed import Fixed
from unified.train.weighting.gradnorm import GradNorm
from unified.train.weighting.uncertainty import Uncertainty
from unified.train.weighting.weighting import Weighting

FREE = "nothing"
HEADS = "a backward pass through each head"
SOLVER = f"{HEADS}, and a solver on the CPU"
FORWARD = "a forward pass after each update"


@dataclass(frozen=True, slots=True)
class Entry:
    """One weighting; `make` takes the tasks and, by keyword, its options."""

    make: Callable[..., Weighting]
    paper: str
    says: str
    cost: str
    no_logarithms: str = ""  # why it cannot weigh logarithms of losses; "" = it can

    def options(self) -> dict[str, Any]:
        """Option → its default."""
        parameters = inspect.signature(self.make).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


WEIGHTINGS = {
    "fixed": Entry(Fixed, "arXiv 2201.04122", "The schedule alone decides.", FREE),
    "uncertainty": Entry(
        Uncertainty,
        "arXiv 1705.07115",
        "Divides each loss by a variance that is learnt with the model.",
        FREE,
        no_logarithms="divides by the losses in effect, and their logarithms pass through 0",
    ),
    "dwa": Entry(
        DynamicWeightAverage,
        "arXiv 1803.10704",
        "Favours tasks whose loss fell least from epoch to epoch.",
        FREE,
        no_logarithms="divides losses by earlier ones, and their logarithms pass through 0",
    ),
    "famo": Entry(
        Famo,
        "arXiv 2306.03792",
        "Lets all losses fall at the same relative rate.",
        FORWARD,
        no_logarithms="takes the logarithm of the losses itself",
    ),
    "gradnorm": Entry(
        GradNorm,
        "arXiv 1711.02257",
        "Learns weights that even out gradient norms and rates of learning.",
        HEADS,
        no_logarithms="divides losses by the first ones, and their logarithms pass through 0",
    ),
    "upgrad": Entry(
        gramian.upgrad, "arXiv 2406.16232", "Projects each gradient so that no task gets worse, then adds.", SOLVER
    ),
    "mgda": Entry(gramian.mgda, "arXiv 1810.04650", "The shortest convex combination of the gradients.", SOLVER),
    "pcgrad": Entry(
        gramian.pcgrad,
        "arXiv 2001.06782",
        "Takes from each gradient what goes against another, in random order.",
        HEADS,
    ),
    "cagrad": Entry(
        gramian.cagrad, "arXiv 2110.14048", "Best for the worst task within a ball around the mean gradient.", SOLVER
    ),
    "nash-mtl": Entry(gramian.nash_mtl, "arXiv 2202.01017", "The tasks bargain: Nash's solution.", SOLVER),
    "aligned-mtl": Entry(
        gramian.aligned_mtl, "arXiv 2305.19000", "Makes the gradients orthogonal and of equal length.", HEADS
    ),
    "imtl-g": Entry(
        gramian.imtl_g, "openreview IMPnRXEWpvr", "The sum has the same projection on every gradient.", HEADS
    ),
    "dualproj": Entry(
        gramian.dualproj, "arXiv 1706.08840", "Projects the mean gradient so that no task gets worse.", SOLVER
    ),
    "fairgrad": Entry(gramian.fairgrad, "arXiv 2402.15638", "Shares the progress out by α-fairness.", SOLVER),
    "random": Entry(
        gramian.random, "arXiv 2111.10603", "Weights drawn anew each step: the control for all others.", HEADS
    ),
}


def make(name: str, tasks: Sequence[str], options: Mapping[str, Any] | None = None) -> Weighting:
    """The weighting called `name` over `tasks`.

    Raises:
        ConfigError: no such weighting, or no such option of it.
        MissingExtraError: it needs TorchJD.
    """
    if fault := problem(name, options or {}):
        key, message = fault
        raise ConfigError(f"joint.{key}: {message}")
    return WEIGHTINGS[name].make(tasks, **(options or {}))


def problem(name: str, options: Mapping[str, Any]) -> tuple[str, str] | None:
    """What is wrong with the names, as (key under `joint`, message)."""
    if name not in WEIGHTINGS:
        return "weighting", f"unknown weighting {name!r}; {nearest(name, WEIGHTINGS)}"
    known = WEIGHTINGS[name].options()
    for option in options:
        if option not in known:
            return f"options.{option}", f"weighting {name} has no such option; {nearest(option, known)}"
    return None


def rows() -> list[dict[str, str]]:
    """The catalogue as a table; `ready` says whether the weighting could be used here."""
    return [
        {
            "name": name,
            "paper": entry.paper,
            "what it does": entry.says,
            "cost": entry.cost,
            "options": ", ".join(f"{option}={_shown(value)}" for option, value in entry.options().items()),
            "ready": _ready(entry),
        }
        for name, entry in WEIGHTINGS.items()
    ]


def _shown(default: Any) -> str:
    return "{}" if default is None else str(default)


def _ready(entry: Entry) -> str:
    try:
        entry.make(("a", "b"))
    except (MissingExtraError, ConfigError) as error:
        return str(error)
    return "yes"
