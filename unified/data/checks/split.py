"""What a check gets, and the problems that it gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from unified.data.annotations import Annotations
from unified.data.checks.kinds import Kind
from unified.data.checks.seen import Seen
from unified.data.findings import Finding
from unified.data.readers import Origins, Spot

TRAIN = "train"  # the split that is trained on, as configs call it


class Target(Enum):
    """What a problem is about; the split as a whole, or one thing that it holds, by number."""

    SPLIT = "split"
    PICTURE = "picture"
    OBJECT = "object"
    CAPTION = "caption"


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault that a check found."""

    kind: Kind
    message: str  # what was got, what is allowed
    target: Target = Target.SPLIT
    index: int = -1  # of the picture, the row or the sentence


@dataclass(frozen=True, slots=True)
class Split:
    """One split as read, with what was seen of its picture files."""

    name: str
    root: Path  # the data set's folder
    source: Path  # file or folder of the labels
    annotations: Annotations
    origins: Origins
    seen: Sequence[Seen]
    silent: frozenset[str] = frozenset()  # label files that cannot be read: their pictures are not empty but unknown

    def finding(self, problem: Problem) -> Finding:
        """The problem with its place in the files."""
        file, where, line = self._place(problem)
        return Finding(problem.kind.name, file, where, problem.message, problem.kind.severity, line)

    def _place(self, problem: Problem) -> Spot:
        origins, i = self.origins, problem.index
        match problem.target:
            case Target.PICTURE:
                return origins.picture(i) if origins.picture is not None else (str(self.seen[i].path), "", None)
            case Target.OBJECT:
                return origins.of(int(self.annotations.offsets.searchsorted(i, side="right")) - 1, i)
            case Target.CAPTION if origins.caption is not None:
                return origins.caption(i)
            case _:
                return str(self.source), "", None
