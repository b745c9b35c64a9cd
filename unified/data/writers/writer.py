"""What every writer gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from unified.data.annotations import Annotations

Splits = Mapping[str, Annotations]  # all of one taxonomy
Put = Callable[[Path, Path], None]  # bring the picture at the first path to the second, which is not there yet


@dataclass(frozen=True, slots=True)
class Writer:
    """A format that a data set can be written in; the format of that name in `readers` reads it."""

    name: str
    write: Callable[[Splits, Path, Put], list[str]]
    """Write annotations and pictures into a new, empty folder; says what was lost. Raises DataError where the format
    cannot hold the data set at all."""
