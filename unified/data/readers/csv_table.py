"""A CSV file with a head: its rows with their lines, and what the head says they hold."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from unified.data.readers.text import cut, read_text
from unified.errors import DataError

FILE = ("file", "filename", "file_name", "image", "image_path", "path")
LABEL = ("label", "labels", "class", "category", "tags")
BOX = ("xmin", "ymin", "xmax", "ymax")
EXTRA = ("width", "height", "split", "id", "identity", "crowd")  # columns that are never classes

_KIND = "table of labels"


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file; `columns` maps the head's names, in lower case, to their places."""

    path: Path
    head: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]  # line, cells
    columns: Mapping[str, int]

    @property
    def file(self) -> int | None:
        """The column of picture names."""
        return next((self.columns[name] for name in FILE if name in self.columns), None)

    @property
    def label(self) -> int | None:
        return next((self.columns[name] for name in LABEL if name in self.columns), None)

    @property
    def box(self) -> tuple[int, ...] | None:
        """The columns of a box, if all are there."""
        return tuple(self.columns[name] for name in BOX) if all(name in self.columns for name in BOX) else None

    @property
    def classes(self) -> tuple[int, ...]:
        """The columns that are neither of the known: where there is no label, each stands for a class."""
        known = {*FILE, *LABEL, *BOX, *EXTRA}
        return tuple(place for name, place in self.columns.items() if name not in known)


def read_head(path: Path) -> Sequence[str]:
    """The cells of the first line, as they are; none where the file cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = file.readline(100_000)
    except (OSError, UnicodeDecodeError):
        return ()
    return next(csv.reader([line], delimiter=_delimiter(line)), ())


def read_table(path: Path) -> Table:
    """The whole file. Raises DataError with the line where it is no table."""
    text = read_text(path, _KIND)
    head: tuple[str, ...] | None = None
    rows: list[tuple[int, tuple[str, ...]]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text.split("\n", 1)[0]), strict=True)
    try:
        for cells in reader:
            row = tuple(cell.strip() for cell in cells)
            if head is None:
                head = row
            elif any(row):
                rows.append((reader.line_num, row))
    except csv.Error as fault:
        raise DataError(f"{path}:{reader.line_num}: not a table ({fault}).") from fault
    columns: dict[str, int] = {}
    for place, name in enumerate(head or ()):
        if name.lower() in columns:
            raise DataError(f"{path}:1: two columns are called {cut(name)!r}; allowed: one.")
        if name:
            columns[name.lower()] = place
    return Table(path, head or (), tuple(rows), columns)


def _delimiter(line: str) -> str:
    """Tables of countries with a decimal comma have semicolons."""
    return max(",;\t", key=line.count)
