"""What a mended copy of a split will hold: everything, until problems strike things out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from unified.data.checks.kinds import Fix
from unified.data.checks.split import Problem, Split


@dataclass(slots=True)
class Draft:
    """Which things of a split stay, and what of them changes."""

    split: Split
    pictures: NDArray[np.bool_]  # (pictures,) stays
    objects: NDArray[np.bool_]  # (N,)
    captions: NDArray[np.bool_]  # (sentences,)
    identities: NDArray[np.int64]  # (N,)
    area: NDArray[np.float64]  # (N,)
    rewritten: set[int] = field(default_factory=set)  # pictures to be written anew, upright
    unturned: set[int] = field(default_factory=set)  # pictures to be written anew, as stored

    @classmethod
    def of(cls, split: Split) -> Draft:
        annotations, rows = split.annotations, split.annotations.rows
        sentences = 0 if annotations.captions is None else len(annotations.captions.sentences)
        return cls(
            split,
            pictures=np.ones(len(annotations), dtype=np.bool_),
            objects=np.ones(len(rows), dtype=np.bool_),
            captions=np.ones(sentences, dtype=np.bool_),
            identities=rows.identities.copy(),
            area=rows.area.copy(),
        )

    def mend(self, problem: Problem) -> None:
        """Do what the problem's kind says."""
        i = problem.index
        match problem.kind.fix:
            case Fix.PICTURE_OUT:
                self.pictures[i] = False
            case Fix.OBJECT_OUT:
                self.objects[i] = False
            case Fix.CAPTION_OUT:
                self.captions[i] = False
            case Fix.IDENTITY_OUT:
                self.identities[i] = -1
            case Fix.AREA:
                self.area[i] = np.subtract(*self.split.annotations.rows.boxes[i].reshape(2, 2)[::-1]).prod()
            case Fix.REWRITTEN:
                self.rewritten.add(i)
            case Fix.UNTURNED:
                self.unturned.add(i)
            case _:
                pass  # the copy is free of it by being written, or it stays
