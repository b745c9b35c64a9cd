"""Labels in a CSV file with a head. One column names the picture (`file`), and then there are

    file,label                                a row a picture, several labels as `cat;dog`; or a row a label
    file,cat,dog,…                            a column a class: 1 there, 0 not there, empty or -1 unknown
    file,xmin,ymin,xmax,ymax,label            a row an object, corners in pixels from 0; an empty row for a picture
                                              without objects; also `identity` and `crowd` (0 or 1)

in {split}.csv, {split}/_annotations.csv or {split}/_classes.csv (Roboflow), or labels.csv with a column `split`.
Classes are those of classes.txt where there is one, else all names of all splits in alphabetical order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unified.data.readers.csv_table import FILE, LABEL, Table, read_head, read_table
from unified.data.readers.draft import Draft
from unified.data.readers.layout import Format, Parsed
from unified.data.readers.pictures import find_root, folders_in
from unified.data.readers.table_rows import Boxes, Marks, Tagged
from unified.data.readers.text import read_classes
from unified.errors import DataError

CLASS_FILE = "classes.txt"
SPLITS = ("train", "val", "valid", "test")
_OWN = ("_annotations.csv", "_classes.csv")
_ALL = ("labels.csv", "annotations.csv")


@dataclass(frozen=True, slots=True)
class TableLayout:
    """One split in a table."""

    root: Path
    split: str
    source: Path
    column: bool  # the rows of the split are those that say so in the column `split`
    others: tuple[Path, ...]  # the tables of all splits, for their classes

    @property
    def name(self) -> str:
        return "CSV"

    def parse(self) -> Parsed:
        tables = {path: read_table(path) for path in self.others}
        table = tables[self.source]
        rows = [(line, cells) for line, cells in table.rows if self._holds(table, cells)]
        reader = self._reader(table, list(tables.values()))
        named: dict[str, int] = {}
        place = table.file
        assert place is not None, "a table without a column of files is not found"
        for line, cells in rows:
            if len(cells) == len(table.head) and cells[place]:
                named.setdefault(cells[place], line)
        if not named:
            raise DataError(f"{self.source}: split {self.split!r} names no picture; a data set needs pictures.")
        root = find_root(self._candidates(), list(named), self.source, table.head[place])
        there = {name: root / name for name in named if (root / name).is_file()}
        draft = Draft(self.root, there.values())
        index = {path: i for i, path in enumerate(draft.paths)}
        reader.read(draft, rows, {name: index.get(path) for name, path in there.items()})
        return reader.finish(draft)

    def _holds(self, table: Table, cells: Sequence[str]) -> bool:
        if not self.column:
            return True
        place = table.columns["split"]
        return place < len(cells) and cells[place] == self.split

    def _reader(self, table: Table, tables: Sequence[Table]) -> Boxes | Tagged | Marks:
        file = self.root / CLASS_FILE
        classes = read_classes(file) if file.is_file() else None
        if table.label is None and table.box is None:
            return Marks(table, classes)
        if table.label is None:
            raise DataError(f"{table.path}:1: boxes without a column for their class; allowed: {', '.join(LABEL)}.")
        reader = Boxes if table.box is not None else Tagged
        return reader(table, classes, tables)

    def _candidates(self) -> list[Path]:
        near = [self.source.parent, self.root, self.root / "images", self.root / "images" / self.split]
        return [*near, self.root / self.split]


def _find(root: Path) -> list[TableLayout]:
    own = {split: root / f"{split}.csv" for split in SPLITS if _is_table(root / f"{split}.csv")}
    for folder in folders_in(root):
        for path in (folder / name for name in _OWN):
            if _is_table(path):
                own.setdefault(folder.name, path)
    if own:
        return [TableLayout(root, split, path, False, tuple(own.values())) for split, path in own.items()]
    whole = next((root / name for name in _ALL if _is_table(root / name)), None)
    if whole is None:
        return []
    if "split" not in (name.strip().lower() for name in read_head(whole)):
        return [TableLayout(root, "train", whole, False, (whole,))]
    table = read_table(whole)
    place = table.columns["split"]
    splits = sorted({cells[place] for _, cells in table.rows if place < len(cells) and cells[place]})
    return [TableLayout(root, split, whole, True, (whole,)) for split in splits]


def _is_table(path: Path) -> bool:
    return path.is_file() and any(name.strip().lower() in FILE for name in read_head(path))


def _looked_for(split: str) -> list[str]:
    return [f"{split}.csv with a column {FILE[0]!r}", f"{split}/{_OWN[0]}", _ALL[0]]


CSV = Format("csv", 1, _find, _looked_for)
