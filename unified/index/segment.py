"""A segment: vectors and entries that were written together and never change; some may have been removed since."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from unified.index.ann import Ann, Mask, Positions, exact
from unified.index.backend import NOTHING, Effort, Filter, Neighbours, Vectors
from unified.index.manifest import SegmentRecord
from unified.index.table import Table
from unified.index.text import Mention

# So few vectors are compared one by one sooner than a structure made for all of them is searched.
COMPARED_ONE_BY_ONE = 5_000


@dataclass(frozen=True)
class Segment:
    """`live` marks the positions that have not been removed; None when none has."""

    record: SegmentRecord
    ann: Ann
    table: Table
    live: Mask | None = None

    @cached_property
    def count(self) -> int:
        return len(self.table) if self.live is None else int(self.live.sum())

    def search(self, queries: Vectors, k: int, where: Filter | None, effort: Effort) -> Neighbours:
        """At most k columns, padded where fewer are found; every match is found when there are no more than k."""
        among = self._among(where)
        count = len(self.table) if among is None else int(among.sum())
        if among is not None and count <= COMPARED_ONE_BY_ONE:
            scores, positions = self._one_by_one(queries, min(k, count), np.flatnonzero(among))
        else:
            scores, positions = self._by_structure(queries, min(k, count), effort, among, count)
        return Neighbours(self._ids[positions], scores)

    def mentions(self, query: str, k: int, where: Filter | None) -> list[Mention]:
        """Pictures whose captions answer an FTS5 query; none where there are no captions."""
        return self.table.mentions(query, k, self._among(where)) if self.table.has_captions else []

    def _among(self, where: Filter | None) -> Mask | None:
        """The positions that may be found; None = all."""
        if where is None:
            return self.live
        matching = self.table.matches(where)
        return matching if self.live is None else self.live & matching

    def positions(self, ids: Positions) -> Positions:
        """Where the ids are; -1 for those that are not in this segment or have been removed."""
        places = np.searchsorted(self.table.ids, ids)
        places[places == len(self.table)] = 0
        found = self.table.ids[places] == ids
        if self.live is not None:
            found &= self.live[places]
        return np.where(found, places, NOTHING)

    def _one_by_one(self, queries: Vectors, k: int, positions: Positions) -> tuple[Vectors, Positions]:
        if k == 0:
            return np.empty((len(queries), 0), np.float32), np.empty((len(queries), 0), np.int64)
        scores, places = exact(queries, self.ann.vectors(positions), k)
        return scores, positions[places]

    def _by_structure(
        self, queries: Vectors, k: int, effort: Effort, among: Mask | None, count: int
    ) -> tuple[Vectors, Positions]:
        nprobe = effort.nprobe or self.record.nprobe or self.ann.lists
        # With a filter, as many matching vectors are looked at as without: the fewer match, the more lists.
        nprobe = min(self.ann.lists, nprobe * len(self.table) // count)
        effort = Effort(nprobe, effort.k_factor or self.record.k_factor)
        scores, positions = self.ann.search(queries, k, effort, among=among)
        if NOTHING in positions[:, -1].tolist():  # those lists held fewer than k: look through all
            short = positions[:, -1] == NOTHING
            everything = Effort(self.ann.lists, effort.k_factor)
            scores[short], positions[short] = self.ann.search(queries[short], k, everything, among=among)
        return scores, positions

    @cached_property
    def _ids(self) -> Positions:
        """By position, and last, where NumPy looks for position -1, `NOTHING`."""
        return np.append(self.table.ids, NOTHING)
