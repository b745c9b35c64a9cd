"""What the rows of a table say: boxes, lists of labels, or a mark for each class."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from unified.data.annotations import Tags
from unified.data.fields import Fault
from unified.data.readers.csv_table import Table
from unified.data.readers.draft import Draft
from unified.data.readers.layout import Parsed
from unified.data.readers.text import cut, finite, whole
from unified.errors import DataError

Rows = Sequence[tuple[int, tuple[str, ...]]]  # line, cells

_MARKS = {"1": True, "1.0": True, "0": False, "0.0": False}
_UNKNOWN = ("", "-1", "-1.0")


class _Reader(ABC):
    """Goes through the rows of a split; what is wrong with one is noted with its line."""

    def __init__(self, table: Table, classes: Sequence[str]) -> None:
        self.table = table
        self.classes = list(classes)
        self.index = {name: k for k, name in enumerate(self.classes)}

    def read(self, draft: Draft, rows: Rows, pictures: Mapping[str, int | None]) -> None:
        """`pictures`: name → its number, None for one that cannot be read; the others are not there."""
        place = self.table.file
        assert place is not None
        missed: set[str] = set()
        for line, cells in rows:
            try:
                if len(cells) != len(self.table.head):
                    head = self.table.head
                    raise Fault("wrong columns", f"{len(cells)} cells; the head has {len(head)}: {', '.join(head)}")
                name = cells[place]
                if not name:
                    raise Fault("missing picture", "the row names no picture")
                if name not in pictures:
                    if name not in missed:
                        missed.add(name)
                        raise Fault("missing picture", f"{cut(name)}: no such picture")
                elif (picture := pictures[name]) is not None:
                    self.take(draft, picture, line, cells)
            except Fault as fault:
                draft.fault(self.table.path, fault, line)

    @abstractmethod
    def take(self, draft: Draft, picture: int, line: int, cells: Sequence[str]) -> None:
        """What one row says of a picture. Raises Fault."""

    def class_of(self, name: str) -> int:
        if name not in self.index:
            some = ", ".join(map(repr, self.classes[:5])) + (", …" if len(self.classes) > 5 else "")
            raise Fault("unknown category", f"class {cut(name)!r} is not in classes.txt, which has {some}")
        return self.index[name]


class Boxes(_Reader):
    """A row an object."""

    def __init__(self, table: Table, classes: Sequence[str] | None, tables: Sequence[Table]) -> None:
        super().__init__(table, sorted(_all_labels(tables, split=False)) if classes is None else classes)

    def take(self, draft: Draft, picture: int, line: int, cells: Sequence[str]) -> None:
        places, label = self.table.box, self.table.label
        assert places is not None and label is not None
        words = [cells[place] for place in places]
        if not any((*words, cells[label])):
            return  # says that the picture is without objects
        if not cells[label]:
            raise Fault("missing value", f"box {' '.join(words)} has no class")
        x1, y1, x2, y2 = (finite(word, self.table.head[place]) for word, place in zip(words, places, strict=True))
        if x2 <= x1 or y2 <= y1:
            kind = "negative box" if x2 < x1 or y2 < y1 else "zero-size box"
            raise Fault(kind, f"box is {' '.join(words)}; allowed: xmax, ymax above xmin, ymin")
        draft.add(
            *(picture, (x1, y1, x2, y2), self.class_of(cells[label])),
            file=self.table.path,
            line=line,
            got=f"box {' '.join(words)}",
            identity=self._number(cells, "identity", -1),
            crowd=self._number(cells, "crowd", 0) == 1,
        )

    def finish(self, draft: Draft) -> Parsed:
        return draft.finish(self.classes, [self.table.path] * len(draft.paths))

    def _number(self, cells: Sequence[str], column: str, default: int) -> int:
        place = self.table.columns.get(column)
        if place is None or not cells[place]:
            return default
        value = whole(cells[place], column)
        if column == "crowd" and value not in (0, 1):
            raise Fault("bad value", f"crowd is {value}; allowed: 0 or 1")
        return max(value, -1)


class Tagged(_Reader):
    """A cell with the labels of a picture; rows of one picture are taken together."""

    def __init__(self, table: Table, classes: Sequence[str] | None, tables: Sequence[Table]) -> None:
        super().__init__(table, sorted(_all_labels(tables, split=True)) if classes is None else classes)
        self._said: dict[int, set[int]] = {}

    def take(self, draft: Draft, picture: int, line: int, cells: Sequence[str]) -> None:
        assert self.table.label is not None
        found = {self.class_of(name) for name in _labels(cells[self.table.label])}
        self._said.setdefault(picture, set()).update(found)

    def finish(self, draft: Draft) -> Parsed:
        present = np.zeros((len(draft.paths), len(self.classes)), dtype=np.bool_)
        known = np.zeros(len(draft.paths), dtype=np.bool_)
        for picture, found in self._said.items():
            known[picture] = True
            present[picture, list(found)] = True
        labels = [self.table.path] * len(draft.paths)
        return draft.finish(self.classes, labels, boxed=False, tags=Tags(present, known))


class Marks(_Reader):
    """A column a class. A picture of which one is unknown is not labelled: what is absent must be known, too."""

    def __init__(self, table: Table, classes: Sequence[str] | None) -> None:
        names = [table.head[place] for place in table.classes]
        if not names:
            raise DataError(
                f"{table.path}:1: columns {', '.join(table.head)}, but none with labels; allowed: `label`, or a column "
                "a class."
            )
        if classes is not None and set(names) != set(classes):
            raise DataError(f"{table.path}:1: its classes {', '.join(names)} are not those of classes.txt.")
        super().__init__(table, names if classes is None else classes)
        self._said: dict[int, list[bool | None]] = {}

    def take(self, draft: Draft, picture: int, line: int, cells: Sequence[str]) -> None:
        if picture in self._said:
            raise Fault("picture listed twice", f"{cut(cells[self.table.file or 0])} has a row already; allowed: one")
        marks: list[bool | None] = [None] * len(self.classes)
        for place in self.table.classes:
            word, name = cells[place], self.table.head[place]
            if word not in _MARKS and word not in _UNKNOWN:
                raise Fault("bad value", f"{name} is {cut(word)!r}; allowed: 1, 0, or nothing where it is unknown")
            marks[self.index[name]] = _MARKS.get(word)
        self._said[picture] = marks

    def finish(self, draft: Draft) -> Parsed:
        rows = [self._said.get(i, [None] * len(self.classes)) for i in range(len(draft.paths))]
        known = np.array([None not in row for row in rows], dtype=np.bool_)
        present = np.array([[bool(mark) for mark in row] for row in rows], dtype=np.bool_).reshape(len(rows), -1)
        unknown = sum(None in row for row in self._said.values())
        if unknown:
            text = f"{unknown} pictures with unknown classes are not labelled"
            draft.fault(self.table.path, Fault("unknown tags", text), severity="note")
        tags = Tags(present & known[:, None], known)
        return draft.finish(self.classes, [self.table.path] * len(draft.paths), boxed=False, tags=tags)


def _labels(cell: str) -> list[str]:
    return [name for part in cell.replace("|", ";").split(";") if (name := part.strip())]


def _all_labels(tables: Iterable[Table], *, split: bool) -> set[str]:
    return {
        name
        for table in tables
        if (place := table.label) is not None
        for _, cells in table.rows
        if place < len(cells)
        for name in (_labels(cells[place]) if split else [cells[place]])
        if name
    }
