"""Which tasks count at a point of the training, and how much."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from unified.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Ramp:
    """A weight that goes linearly from `start` to `end` between two fractions of the training, constant outside."""

    start: float
    end: float
    from_: float = 0.0
    to: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.from_ <= self.to <= 1.0:
            raise ConfigError(f"a ramp runs forward, 0 ≤ from ≤ to ≤ 1 of the training; got {self.from_} to {self.to}")

    def at(self, progress: float) -> float:
        if progress >= self.to:
            return self.end
        if progress <= self.from_:
            return self.start
        return self.start + (self.end - self.start) * (progress - self.from_) / (self.to - self.from_)


class Schedule:
    """
    Args:
        weights: task → weight or ramp; a task that is not named counts 1 all along.
        alternate: updates that one task has the trunk to itself before it is the next one's turn; 0 = all together.
    """

    def __init__(self, weights: Mapping[str, float | Ramp] | None = None, *, alternate: int = 0) -> None:
        self.alternate = alternate
        self.weights = {
            task: weight if isinstance(weight, Ramp) else Ramp(weight, weight)
            for task, weight in (weights or {}).items()
        }
        for task, ramp in self.weights.items():
            if min(ramp.start, ramp.end) < 0:
                raise ConfigError(f"joint.weights.{task}: a loss weight is 0 or more, got {min(ramp.start, ramp.end)}")

    def at(self, tasks: Iterable[str], progress: float, update: int = 0) -> dict[str, float]:
        """Weights of the tasks that count, in the order given; one of weight 0 is out of the update altogether.

        `progress` is the fraction of the training that is done, `update` the number of updates that are.
        """
        found = {task: self._weight(task, progress) for task in tasks}
        counting = {task: weight for task, weight in found.items() if weight > 0}
        if not self.alternate or not counting:
            return counting
        turn = list(counting)[update // self.alternate % len(counting)]
        return {turn: counting[turn]}

    def _weight(self, task: str, progress: float) -> float:
        ramp = self.weights.get(task)
        return 1.0 if ramp is None else ramp.at(progress)
