"""What every reader gives: which splits lie in a folder, and what the files of one of them say.

A format is a module that holds a `Format`; `detect.py` lists them. To read another one, write such a module, list it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from unified.data.annotations import Annotations, Strings
from unified.data.findings import Finding

Place = Callable[[int], tuple[str, int | None]]
Spot = tuple[str, str, int | None]  # file, place in it, line


@dataclass(frozen=True, slots=True)
class Origins:
    """Where each object comes from, so that what is found wrong later can be shown in its file."""

    files: Strings  # of each picture: the file that holds its objects
    entries: NDArray[np.int64]  # (N,) of each object: its place in that file, as `place` understands it
    place: Place  # entry → ("annotations[17]", line), either of them "" or None where there is no such thing
    # Number of a picture, or of a sentence → file, place, line. None: no file speaks of single ones.
    picture: Callable[[int], Spot] | None = None
    caption: Callable[[int], Spot] | None = None

    def of(self, picture: int, row: int) -> Spot:
        """File, place and line of an object; `row` counts through the whole split."""
        return self.files[picture], *self.place(int(self.entries[row]))


@dataclass(frozen=True, slots=True)
class Parsed:
    """The usable part of a split, and all that is wrong with the rest."""

    annotations: Annotations
    findings: list[Finding]
    origins: Origins
    json_files: tuple[Path, ...] = ()  # that were read, and may hide something from their parser


class Layout(Protocol):
    """One split of a data set on disk, in a format that was recognised."""

    @property
    def name(self) -> str:
        """The format and its variant, for people: "Roboflow COCO"."""

    @property
    def split(self) -> str: ...

    @property
    def source(self) -> Path:
        """The file or folder that the labels lie in."""

    def parse(self) -> Parsed:
        """Read it. Raises DataError only where nothing can be used; every smaller fault is a finding."""


@dataclass(frozen=True, slots=True)
class Format:
    """A way to lay out a data set."""

    name: str  # a word to ask for it by: "coco"
    rank: int  # where several formats are found in a folder the lowest rank is meant; two of one rank are ambiguous
    find: Callable[[Path], Sequence[Layout]]  # every split in a folder; none where it is in another format
    looked_for: Callable[[str], Sequence[str]]  # split → paths in the folder, for "not found" messages


def at_line(number: int) -> tuple[str, int | None]:
    """The `Place` of formats whose entries are lines."""
    return "", number
