"""Planted conflict: two tasks that pull one trunk at an angle of our choosing, to see what a weighting makes of it.

    L_i = s_i · mean ½ ‖Q_i f(x) − Q_i y_i(x)‖²,     y_2 = cos θ · y_1 + sin θ · y_1⊥

f is a small network that starts at 0, so that the gradients at its features are −s_i y_i: at the angle θ, picture by
picture. The heads Q_i are fixed rotations: no head can turn the conflict away, and no f serves both tasks. s_2 > s_1,
as one loss is always larger than another for no good reason.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from unified.train.conflict import tapped
from unified.train.joint import JointLoss
from unified.train.weighting import catalogue

TASKS = ("quiet", "loud")
INPUTS, WIDTH, FEATURES, PICTURES = 16, 64, 8, 256
LOUDNESS = 4.0  # s_2 / s_1
STEPS, LR, EPOCH = 400, 1e-2, 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a weighting made of it. Scores are shares of each task's variance explained, 1 = all."""

    weighting: str
    cosine: float  # of the two gradients at the first step, as measured; planted was cos θ
    quiet: float
    loud: float
    worst: float  # relative to the task alone, of the task that lost more
    delta_m: float  # mean of both

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Network(nn.Module):
    """The shared trunk; its last layer starts at 0."""

    def __init__(self) -> None:
        super().__init__()
        last = nn.Linear(WIDTH, FEATURES)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(nn.Linear(INPUTS, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH), nn.Tanh(), last)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"p3": self.layers(x)}


class Planted:
    """The problem at one angle, in degrees."""

    def __init__(self, degrees: float, *, loudness: float = LOUDNESS, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.trunk = Network()
        self.x = torch.randn(PICTURES, INPUTS)
        y = torch.tanh(self.x @ torch.randn(INPUTS, FEATURES) / math.sqrt(INPUTS))
        across = torch.stack([-y[:, 1::2], y[:, ::2]], -1).flatten(1)  # as long as y, and at right angles to it
        angle = math.radians(degrees)
        self.targets = {"quiet": y, "loud": math.cos(angle) * y + math.sin(angle) * across}
        self.heads = {task: torch.linalg.qr(torch.randn(FEATURES, FEATURES))[0] for task in TASKS}
        self.scales = {"quiet": 1.0, "loud": loudness}

    def losses(self, features: Tensor) -> dict[str, dict[str, Tensor]]:
        """As a multi-task model gives them."""
        return {
            task: {"fit": self.scales[task] * ((features - y) @ self.heads[task]).square().sum(1).mean() / 2}
            for task, y in self.targets.items()
        }

    @torch.no_grad()
    def scores(self) -> dict[str, float]:
        """1 − what is left of each task's variance."""
        f = self.trunk(self.x)["p3"]
        return {task: 1.0 - float((f - y).square().sum() / y.square().sum()) for task, y in self.targets.items()}

    def train(self, weighting: str, tasks: Sequence[str] = TASKS, *, steps: int = STEPS) -> float | None:
        """Train with all pictures a step; the cosine of the gradients at the first, of two tasks."""
        joint = JointLoss({task: {"fit": 1.0} for task in tasks}, None, catalogue.make(weighting, tasks))
        optimizer = torch.optim.Adam(self.trunk.parameters(), lr=LR)
        cosine = None
        for step in range(steps):
            with tapped(self.trunk) as features:
                losses = self.losses(self.trunk(self.x)["p3"])
            outcome = joint({task: losses[task] for task in tasks}, 0.0, features=features, look=step == 0)
            if outcome.conflict is not None:
                cosine = outcome.conflict.numbers().get("cosine/all/quiet/loud")
            assert outcome.total is not None
            outcome.total.backward()
            optimizer.step()
            optimizer.zero_grad()
            if joint.weighting.looks_back:
                with torch.no_grad():
                    joint.look_back(self.losses(self.trunk(self.x)["p3"]), {})
            joint.end_update()
            if (step + 1) % EPOCH == 0:
                joint.weighting.end_epoch()
        return cosine


def compare(weightings: Sequence[str], degrees: float = 120.0, *, steps: int = STEPS) -> list[Outcome]:
    """Every weighting on the same problem, against each task alone with the same number of steps."""
    alone = {}
    for task in TASKS:
        single = Planted(degrees)
        single.train("fixed", [task], steps=steps)
        alone[task] = single.scores()[task]
    found = []
    for name in weightings:
        planted = Planted(degrees)
        cosine = planted.train(name, steps=steps)
        scores = planted.scores()
        gains = [(scores[task] - alone[task]) / abs(alone[task]) for task in TASKS]
        assert cosine is not None
        found.append(Outcome(name, cosine, scores["quiet"], scores["loud"], min(gains), sum(gains) / len(gains)))
    return found
