"""The entries of one segment of an index, in an SQLite file that is written once: row `position` belongs to the vector
at that position. The only file that imports sqlite3."""

from __future__ import annotations

import errno
import json
import sqlite3
import threading
import weakref
from collections.abc import Iterable, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unified.errors import RetrievalError
from unified.index.ann import Mask
from unified.index.backend import Filter
from unified.index.entry import Entry
from unified.index.text import Mention

Row = tuple[object, ...]  # id and the columns below

COLUMNS = "image, x, y, w, h, category, identity, score, caption"
SCHEMA = """create table entries (
    position integer primary key, id integer not null, image text not null, x real, y real, w real, h real,
    category text, identity integer, score real, caption text)"""

# Each caption of each picture once, however many of its objects are entries.
CAPTIONS = (
    """create virtual table captions using fts5(
    caption, image unindexed, tokenize = "porter unicode61 remove_diacritics 2")""",
    """insert into captions select caption, image from entries where caption is not null
    group by caption, image order by min(position)""",
    "create index entries_of_image on entries(image)",
)


def row_of(id: int, entry: Entry) -> Row:
    box = (None,) * 4 if entry.box is None else tuple(float(number) for number in entry.box)
    identity = None if entry.identity is None else int(entry.identity)
    score = None if entry.score is None else float(entry.score)
    return (id, entry.image, *box, entry.category, identity, score, entry.caption)


def entry_of(row: Sequence[object]) -> Entry:
    image, x, y, w, h, category, identity, score, caption = row
    box = None if x is None else (x, y, w, h)
    return Entry(image, box, category, identity, score, caption)  # type: ignore[arg-type]


def write_table(path: Path, rows: Iterable[Row]) -> None:
    """Write a new file; OSError when the disk refuses. The caller brings it down to the disk."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            # No journal: until the whole file is committed under another name, nobody reads it.
            database.execute("pragma journal_mode = off")
            database.execute("pragma synchronous = off")
            database.execute("begin")
            database.execute(SCHEMA)
            marks = ", ".join("?" * 11)
            numbered = ((position, *row) for position, row in enumerate(rows))
            database.executemany(f"insert into entries values ({marks})", numbered)
            for statement in CAPTIONS if _has_captions(database) else ():
                database.execute(statement)
            database.execute("commit")
    except sqlite3.Error as error:
        raise OSError(errno.EIO, f"SQLite: {error}") from error


def _has_captions(database: sqlite3.Connection) -> bool:
    """Whether there are captions to search, and this SQLite can."""
    query = (
        "select sqlite_compileoption_used('ENABLE_FTS5') and exists (select 1 from entries where caption is not null)"
    )
    return bool(database.execute(query).fetchone()[0])


class Table:
    """A file that `write_table` wrote, read only. Any thread may use it."""

    def __init__(self, path: Path) -> None:
        uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        try:
            self._database = sqlite3.connect(uri, uri=True, check_same_thread=False)
            weakref.finalize(self, self._database.close)
            self._turn = threading.Lock()
            # A view or a trigger in a stranger's file could compute for ever.
            made = self._select("select name from sqlite_schema where type not in ('table', 'index')")
            if made:
                raise RetrievalError(f"{path}: no table of ours: it has {', '.join(name for (name,) in made)}")
            ids = self._select("select id from entries order by position")
        except sqlite3.Error as error:
            raise RetrievalError(f"{path}: SQLite cannot read it: {error}") from error
        self.ids = np.array([id for (id,) in ids], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.ids)

    def entries(self, positions: Sequence[int]) -> list[Entry]:
        """In the order of `positions`."""
        wanted = json.dumps(sorted(set(positions)))
        query = f"select position, {COLUMNS} from entries where position in (select value from json_each(?))"
        found = {row[0]: entry_of(row[1:]) for row in self._select(query, wanted)}
        return [found[position] for position in positions]

    def rows(self, live: Mask | None) -> Iterable[Row]:
        """All rows in order, or those that are live."""
        for position, *row in self._select(f"select position, id, {COLUMNS} from entries order by position"):
            if live is None or live[position]:
                yield tuple(row)

    def matches(self, where: Filter) -> Mask:
        """Which positions fulfil `where`."""
        mask = np.ones(len(self), dtype=bool)
        if where.category is not None:
            code = self._categories[0].get(where.category, -1)
            mask &= (self._categories[1] == code) & (code >= 0)
        if where.min_score is not None:
            mask &= self._scores >= where.min_score  # a missing score is NaN, which is not
        return mask

    def categories(self, live: Mask | None) -> set[str]:
        """The names among all rows, or among those that are live."""
        names, codes = self._categories
        found = set(np.unique(codes if live is None else codes[live]).tolist())
        return {name for name, code in names.items() if code in found}

    @cached_property
    def has_captions(self) -> bool:
        """Whether `mentions` can be asked."""
        return bool(self._select("select 1 from sqlite_schema where name = 'captions'"))

    def mentions(self, query: str, k: int, among: Mask | None) -> list[Mention]:
        """The k pictures whose captions answer an FTS5 query best, with those of their entries that are `among`."""
        found: list[Mention] = []
        pictures: set[str] = set()
        ranked = "select caption, image, -rank from captions where captions match ? order by rank, rowid"
        with self._turn:
            for caption, image, score in self._database.execute(ranked, (query,)):
                rows = self._database.execute("select position, id from entries where image = ?", (image,))
                ids = tuple(id for position, id in rows if among is None or among[position])
                if ids:
                    found.append(Mention(score, image, caption, ids))
                    pictures.add(image)
                if len(pictures) == k:
                    break
        return found

    def faults(self) -> list[str]:
        """What SQLite itself finds wrong."""
        return [line for (line,) in self._select("pragma integrity_check") if line != "ok"]

    @cached_property
    def _categories(self) -> tuple[dict[str, int], NDArray[np.int32]]:
        names: dict[str, int] = {}
        codes = [
            -1 if name is None else names.setdefault(name, len(names))
            for (name,) in self._select("select category from entries order by position")
        ]
        return names, np.array(codes, dtype=np.int32)

    @cached_property
    def _scores(self) -> NDArray[np.float64]:
        return np.array([score for (score,) in self._select("select score from entries order by position")], np.float64)

    def _select(self, query: str, *values: object) -> list[Any]:
        with self._turn:
            return self._database.execute(query, values).fetchall()
