"""An index on Milvus, for more vectors or more users than one machine can serve (see `milvus_server` for addresses).

An entry is a row of a collection, under an id of our own. What belongs to all of them is kept with the collection, as
its properties: the origin of the vectors, the next id, the names of the categories. Any number of clients may read;
as Milvus knows no transactions, one at a time should write.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from unified.errors import ConfigError, DataError, RetrievalError
from unified.index.backend import Effort, Filter, Neighbours, Vectors
from unified.index.entry import Entry, Hit
from unified.index.milvus_server import ANSWERING, LONGEST_TEXT, Address, Client, connected, create_collection, told
from unified.index.origin import Origin
from unified.index.text import Mention

ORIGIN, NEXT_ID, CATEGORIES = "unified.origin", "unified.next_id", "unified.categories"

FIELDS = ["id", "image", "x", "y", "w", "h", "category", "identity", "score", "caption"]
MESSAGE = 1 << 24  # bytes of one request; a quarter of what a server takes by default
ROW = 1024  # bytes, about, of an entry without its vector
MANY = 4096  # ids in one request; servers answer at most 16 384 rows


class MilvusBackend:
    """Make it with `create` or `open`. Exact on Milvus Lite; a server searches by the index of its own choice."""

    def __init__(self, address: Address, client: Client, origin: Origin) -> None:
        self.address, self._client, self._origin = address, client, origin
        self._writing = threading.Lock()

    @classmethod
    def create(cls, address: str, origin: Origin) -> MilvusBackend:
        """An empty collection. ConfigError when there is one of that name, RetrievalError when nobody answers."""
        where = Address.parse(address)
        with connected(where) as client, told(where):
            if client.has_collection(where.collection, timeout=ANSWERING):
                raise ConfigError(
                    f"{where}: there is a collection {where.collection!r} already; name another with #NAME behind "
                    "the address, or add to it with: unified index add"
                )
            properties = {ORIGIN: origin.model_dump_json(), NEXT_ID: "0", CATEGORIES: "[]"}
            create_collection(client, where, origin.dimension, properties)
        return cls(where, client, origin)

    @classmethod
    def open(cls, address: str) -> MilvusBackend:
        """RetrievalError when there is no such collection, or one that is no index of this program."""
        where = Address.parse(address)
        if where.lite and not Path(where.uri).exists():  # connecting would make one
            raise RetrievalError(f"{where}: no such database; build one with: unified index build")
        with connected(where) as client, told(where):
            if not client.has_collection(where.collection, timeout=ANSWERING):
                known = ", ".join(sorted(client.list_collections(timeout=ANSWERING))) or "none"
                raise RetrievalError(f"{where}: no collection {where.collection!r} here; there is: {known}")
            properties = _properties(client, where)
            client.load_collection(where.collection, timeout=ANSWERING)
            try:
                origin = Origin.model_validate_json(properties[ORIGIN])
            except (KeyError, ValidationError) as error:
                raise RetrievalError(f"{where}: collection {where.collection!r} is no index of this program") from error
        return cls(where, client, origin)

    @property
    def origin(self) -> Origin:
        return self._origin

    def __len__(self) -> int:
        return int(self._query("", ["count(*)"])[0]["count(*)"])

    def categories(self) -> list[str]:
        return sorted(json.loads(self._stored()[CATEGORIES]))

    def add(self, vectors: Vectors, entries: Sequence[Entry]) -> list[int]:
        for place, entry in enumerate(entries):
            _check(entry, place)
        with self._writing:
            stored = self._stored()
            first = int(stored[NEXT_ID])
            ids = list(range(first, first + len(entries)))
            names = {*json.loads(stored[CATEGORIES]), *(entry.category for entry in entries)} - {None}
            # Given away before they are used: if anything fails from here on, they are never given again.
            self._store({NEXT_ID: str(first + len(entries)), CATEGORIES: _names(names)})
            try:
                self._insert(ids, vectors, entries)
            except BaseException:
                with suppress(RetrievalError):  # of a server that is gone; what went wrong first is what to tell
                    self._delete(ids)
                    self._forget(names - {*json.loads(stored[CATEGORIES])})
                raise
        return ids

    def remove(self, ids: Sequence[int]) -> None:
        with self._writing:
            names = {entry.category for entry in self.entries(ids)} - {None}
            self._delete(ids)
            self._forget(names)

    def compact(self) -> None:
        """Ask the server to; it goes on while searches are answered."""
        with told(self.address):
            self._client.flush(self.address.collection, timeout=ANSWERING)
            self._client.compact(self.address.collection, timeout=ANSWERING)

    def search(
        self, vectors: Vectors, k: int, *, where: Filter | None = None, parameters: Effort | None = None
    ) -> list[list[Hit]]:
        return [_hits(rows) for rows in self._search(vectors, k, where, FIELDS)]

    def search_with_vectors(
        self, vectors: Vectors, k: int, *, where: Filter | None = None, parameters: Effort | None = None
    ) -> list[tuple[list[Hit], Vectors]]:
        return [
            (_hits(rows), _stacked([row["entity"]["vector"] for row in rows], self.origin.dimension))
            for rows in self._search(vectors, k, where, [*FIELDS, "vector"])
        ]

    def nearest(
        self, vectors: Vectors, k: int, *, where: Filter | None = None, parameters: Effort | None = None
    ) -> Neighbours:
        ids = np.full((len(vectors), k), -1, np.int64)
        scores = np.full((len(vectors), k), -np.inf, np.float32)
        for i, rows in enumerate(self._search(vectors, k, where, ["id"])):
            ids[i, : len(rows)] = [row["id"] for row in rows]
            scores[i, : len(rows)] = [_cosine(row["distance"]) for row in rows]
        return Neighbours(ids, scores)

    def mentions(self, query: str, k: int, *, where: Filter | None = None) -> list[Mention]:
        raise RetrievalError(
            f"{self.address}: text search goes through SQLite, which an index in a folder has; Milvus keeps the "
            "captions, and this program does not search them there: build an index in a folder, or ask by picture"
        )

    def vectors(self, ids: Sequence[int]) -> Vectors:
        rows = self._rows(ids, ["id", "vector"])
        return _stacked([rows[id]["vector"] for id in ids], self.origin.dimension)

    def entries(self, ids: Sequence[int]) -> list[Entry]:
        rows = self._rows(ids, FIELDS)
        return [_entry(rows[id]) for id in ids]

    def info(self) -> dict[str, Any]:
        stored = self._stored()
        with told(self.address):
            index = self._client.describe_index(self.address.collection, "vector", timeout=ANSWERING)
            version = self._client.get_server_version(timeout=ANSWERING)
        return {
            "uri": str(self.address),
            "backend": f"Milvus {version}",
            "entries": len(self),
            "next_id": int(stored[NEXT_ID]),
            "kind": index["index_type"],
            "recall@10": 1.0 if index["index_type"] == "FLAT" else None,  # the server's index is the server's affair
            "categories": sorted(json.loads(stored[CATEGORIES])),
            "origin": self.origin.model_dump(),
        }

    def verify(self) -> list[str]:
        """Reads every row: ids given once and by us, vectors of length 1, categories known."""
        stored, seen = self._stored(), set[int]()
        next_id, names = int(stored[NEXT_ID]), {*json.loads(stored[CATEGORIES]), None}
        faults = []
        with told(self.address):
            rows = self._client.query_iterator(
                self.address.collection, batch_size=MANY, output_fields=["id", "vector", "category"]
            )
            while batch := rows.next():
                for row in batch:
                    faults += [f"{self.address}: entry {row['id']}: {fault}" for fault in _faults(row, next_id, names)]
                    if row["id"] in seen:
                        faults.append(f"{self.address}: entry {row['id']} is there twice")
                    seen.add(row["id"])
            rows.close()
        return faults

    def close(self) -> None:
        self._client.close()

    def _stored(self) -> dict[str, str]:
        with told(self.address):
            return _properties(self._client, self.address)

    def _store(self, properties: dict[str, str]) -> None:
        with told(self.address):
            self._client.alter_collection_properties(self.address.collection, properties, timeout=ANSWERING)

    def _forget(self, names: set[Any]) -> None:
        """Take off the list of categories those that no entry has any more."""
        gone = {name for name in names if not self._query(_expression(Filter(name)), ["id"], limit=1)}
        if gone:
            self._store({CATEGORIES: _names({*json.loads(self._stored()[CATEGORIES])} - gone)})

    def _insert(self, ids: Sequence[int], vectors: Vectors, entries: Sequence[Entry]) -> None:
        step = max(MESSAGE // (ROW + vectors[0].nbytes), 1)
        rows = [_row(id, vector, entry) for id, vector, entry in zip(ids, vectors, entries, strict=True)]
        with told(self.address):
            for start in range(0, len(rows), step):
                self._client.insert(self.address.collection, rows[start : start + step], timeout=ANSWERING)

    def _delete(self, ids: Sequence[int]) -> None:
        with told(self.address):
            for some in _chunks(ids):
                self._client.delete(self.address.collection, ids=list(some), timeout=ANSWERING)

    def _query(self, expression: str, fields: list[str], **limit: int) -> list[dict[str, Any]]:
        with told(self.address):
            return list(
                self._client.query(
                    self.address.collection, expression, fields, consistency_level="Strong", timeout=ANSWERING, **limit
                )
            )

    def _rows(self, ids: Sequence[int], fields: list[str]) -> dict[int, dict[str, Any]]:
        rows = {row["id"]: row for some in _chunks(ids) for row in self._query(f"id in {list(some)}", fields)}
        missing = [id for id in ids if id not in rows]
        if missing:
            first = ", ".join(map(str, missing[:5])) + (" …" if len(missing) > 5 else "")
            raise DataError(
                f"no entry has id {first}; ids were given from 0 to {int(self._stored()[NEXT_ID]) - 1}, and those "
                "of removed entries are not given again"
            )
        return rows

    def _search(self, vectors: Vectors, k: int, where: Filter | None, fields: list[str]) -> Iterator[list[Any]]:
        step = max(MANY // k, 1)  # answers carry whole entries
        for start in range(0, len(vectors), step):
            with told(self.address):
                yield from self._client.search(
                    self.address.collection,
                    data=list(vectors[start : start + step]),
                    limit=k,
                    filter=_expression(where),
                    output_fields=fields,
                    anns_field="vector",
                    search_params={"metric_type": "IP"},
                    consistency_level="Strong",
                    timeout=ANSWERING,
                )


def _properties(client: Client, address: Address) -> dict[str, str]:
    found: dict[str, str] = client.describe_collection(address.collection, timeout=ANSWERING)["properties"]
    return found


def _expression(where: Filter | None) -> str:
    """A filter in Milvus' language, whose strings are written as JSON's."""
    terms = []
    if where is not None and where.category is not None:
        terms.append(f"category == {json.dumps(where.category, ensure_ascii=False)}")
    if where is not None and where.min_score is not None:
        terms.append(f"score >= {float(where.min_score)!r}")
    return " and ".join(terms)


def _check(entry: Entry, place: int) -> None:
    for name, text in (("image", entry.image), ("category", entry.category), ("caption", entry.caption)):
        size = len((text or "").encode())
        if size > LONGEST_TEXT:
            raise DataError(f"entry {place}: its {name} has {size:,} bytes, Milvus takes {LONGEST_TEXT:,}; shorten it")
    # Its expressions know three of JSON's ways to write them: Milvus Lite knows neither \b and \f nor \u0007.
    if any(letter < " " and letter not in "\n\r\t" for letter in entry.category or ""):
        raise DataError(f"entry {place}: the category {entry.category!r} has control characters; rename it")


def _row(id: int, vector: np.ndarray, entry: Entry) -> dict[str, Any]:
    box = entry.box or (None, None, None, None)
    sides = {name: None if side is None else float(side) for name, side in zip("xywh", box, strict=True)}
    others = {name: value for name, value in entry.to_json().items() if name != "box"}
    return {"id": id, "vector": vector, **sides, **others}


def _hits(rows: Sequence[Mapping[str, Any]]) -> list[Hit]:
    return [Hit(row["id"], _cosine(row["distance"]), _entry(row["entity"])) for row in rows]


def _stacked(rows: Sequence[Sequence[float]], dimension: int) -> Vectors:
    """(N, D), whether there is a row or not."""
    return np.array(rows, np.float32).reshape(-1, dimension)


def _entry(row: Mapping[str, Any]) -> Entry:
    box = None if row["x"] is None else (row["x"], row["y"], row["w"], row["h"])
    return Entry(row["image"], box, row["category"], row["identity"], row["score"], row["caption"])


def _faults(row: Mapping[str, Any], next_id: int, names: set[Any]) -> Iterator[str]:
    if not 0 <= row["id"] < next_id:
        yield f"ids were given from 0 to {next_id - 1}"
    if abs(float(np.linalg.norm(row["vector"])) - 1) > 1e-3:
        yield "its vector is not of length 1"
    if row["category"] not in names:
        yield f"its category {row['category']!r} is not listed"


def _names(names: set[Any]) -> str:
    return json.dumps(sorted(names), ensure_ascii=False)


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + MANY] for start in range(0, len(ids), MANY))


def _cosine(product: float) -> float:
    """Rounding can lift a product of unit vectors above 1."""
    return min(max(product, -1.0), 1.0)
