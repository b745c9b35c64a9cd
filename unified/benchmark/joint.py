"""What weightings cost on a real model, and what they are worth where tasks conflict.

Costs are ratios to the plain sum, measured in turns within one run; passes through the trunk are counted, not assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from unified import registry
from unified.benchmark.memory import peak_memory
from unified.benchmark.run import COCO, on, planted_samples
from unified.benchmark.timing import time_in_turns
from unified.build import levels_of
from unified.model.multitask import MultiTaskModel
from unified.model.trunk import build_trunk
from unified.ops.device import choose_device
from unified.planted import compare
from unified.train.conflict import tapped
from unified.train.joint import JointLoss
from unified.train.weighting import catalogue

PLAIN = "fixed"
# Three tasks of packages that need no preparation; the same head twice costs as much as two.
TASKS = {"detection": "detection", "tags": "classification", "more tags": "classification"}


@dataclass(frozen=True, slots=True)
class Cost:
    """One weighting on one model, three tasks."""

    weighting: str
    trunk_passes: int  # backward, a step
    milliseconds: float
    step_ratio: float  # to the plain sum
    peak_megabytes: float | None
    memory_ratio: float | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Step:
    """A training step of one weighting: forward, weights, backward, SGD."""

    weighting: str
    model: MultiTaskModel
    images: torch.Tensor
    targets: dict[str, Any]
    passes: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        gains = {name: dict(self.model.task(name).gains) for name in self.model.tasks}
        self.joint = JointLoss(gains, None, catalogue.make(self.weighting, list(gains))).to(self.images.device)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=1e-6, momentum=0.9)
        first = next(self.model.trunk.parameters())
        first.register_post_accumulate_grad_hook(self._count)

    def _count(self, parameter: torch.Tensor) -> None:
        self.passes += 1

    def __call__(self) -> None:
        with tapped(self.model.trunk) as features:
            losses = self.model(self.images, self.targets)
        outcome = self.joint(losses, 0.0, features=features)
        assert outcome.total is not None
        outcome.total.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.joint.weighting.looks_back:
            with torch.no_grad():
                self.joint.look_back(self.model(self.images, self.targets), {})
        self.joint.end_update()


def costs(
    trunk: str, weightings: Sequence[str], *, size: int, batch: int, rounds: int, device: str = "auto"
) -> list[Cost]:
    """Steps of each weighting in turns on `trunk` with three tasks, float32."""
    where = choose_device(device)
    steps = {name: _step(name, trunk, size, batch, where) for name in dict.fromkeys([PLAIN, *weightings])}
    calls: dict[str, Callable[[], Any]] = dict(steps)
    times = time_in_turns(calls, where, rounds)
    passes = {name: step.passes // (rounds + 1) for name, step in steps.items()}
    peaks = {name: peak_memory(call, where) for name, call in calls.items()}
    plain = peaks[PLAIN]
    return [
        Cost(
            weighting=name,
            trunk_passes=passes[name],
            milliseconds=times[name].median,
            step_ratio=times[name].median / times[PLAIN].median,
            peak_megabytes=(peak := peaks[name]),
            memory_ratio=peak / plain if peak and plain else None,
        )
        for name in weightings
    ]


def run(
    trunk: str, *, size: int, batch: int, rounds: int, degrees: float, device: str = "auto"
) -> list[dict[str, Any]]:
    """All weightings that can be used here: what they cost on `trunk`, and what comes of a planted conflict."""
    names = [row["name"] for row in catalogue.rows() if row["ready"] == "yes"]
    spent = costs(trunk, names, size=size, batch=batch, rounds=rounds, device=device)
    worth = compare(names, degrees)
    return [outcome.to_json() | cost.to_json() for outcome, cost in zip(worth, spent, strict=True)]


def _step(weighting: str, trunk: str, size: int, batch: int, device: torch.device) -> Step:
    torch.manual_seed(0)
    network = build_trunk(trunk)
    levels = levels_of(network)
    tasks = {name: registry.load(package).task(levels, COCO) for name, package in TASKS.items()}
    model = MultiTaskModel(network, tasks).to(device).train()
    samples = planted_samples(batch, size, COCO)
    targets = {name: on(task.encode(samples), device) for name, task in tasks.items()}
    return Step(weighting, model, torch.rand(batch, 3, size, size, device=device), targets)
