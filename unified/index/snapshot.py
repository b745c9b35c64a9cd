"""One committed state of a folder, in memory. It is never changed: a writer makes another, readers keep theirs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np

from unified.errors import DataError, RetrievalError
from unified.index.ann import Ann, Positions
from unified.index.backend import NOTHING, Effort, Filter, Neighbours, Vectors
from unified.index.entry import Entry, Hit
from unified.index.manifest import CURE, FileRecord, Manifest, SegmentRecord, read_verified
from unified.index.segment import Segment
from unified.index.table import Table

Contents = tuple[FileRecord, ...]  # of a segment's vectors, its entries and, where some are removed, its bitmap


class Snapshot:
    """Segments hold ascending ids, each segment higher ones than the one before it."""

    def __init__(self, manifest: Manifest, segments: Sequence[Segment]) -> None:
        self.manifest, self.segments = manifest, tuple(segments)

    @classmethod
    def load(cls, folder: Path, manifest: Manifest, known: Snapshot | None = None) -> Snapshot:
        """Read every file that `manifest` lists, each byte verified; segments that are `known` are not read again.

        They are known by what is in them: an index that is built anew in the folder has files of the same names.
        """
        held: dict[Contents, Segment] = {}
        if known is not None:
            for segment in known.segments:
                contents = _contents(known.manifest, segment.record)
                held |= {contents[:2]: segment, contents: segment}
        return cls(manifest, [_load(folder, manifest, record, held) for record in manifest.segments])

    @cached_property
    def count(self) -> int:
        return sum(segment.count for segment in self.segments)

    @cached_property
    def categories(self) -> list[str]:
        return sorted(set().union(*(segment.table.categories(segment.live) for segment in self.segments)))

    def nearest(self, queries: Vectors, k: int, where: Filter | None, effort: Effort) -> Neighbours:
        """(N, k) of all segments; rows end in id -1 where fewer match."""
        parts = [segment.search(queries, k, where, effort) for segment in self.segments]
        if len(parts) == 1 and parts[0].ids.shape[1] == k:
            return parts[0]
        padding = Neighbours(
            np.full((len(queries), k), NOTHING, np.int64), np.full((len(queries), k), -np.inf, np.float32)
        )
        ids = np.concatenate([part.ids for part in (*parts, padding)], axis=1)
        scores = np.concatenate([part.scores for part in (*parts, padding)], axis=1)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return Neighbours(np.take_along_axis(ids, best, 1), np.take_along_axis(scores, best, 1))

    def hits(self, found: Neighbours) -> list[list[Hit]]:
        """The entries of what was found, those of each id read once."""
        rows = found.ids.tolist()
        wanted = sorted(set(chain.from_iterable(rows)) - {NOTHING})
        entries = dict(zip(wanted, self.entries(wanted), strict=True))
        return [
            [Hit(id, score, entries[id]) for id, score in zip(ids, scores, strict=True) if id != NOTHING]
            for ids, scores in zip(rows, found.scores.tolist(), strict=True)
        ]

    def entries(self, ids: Sequence[int] | Positions) -> list[Entry]:
        found: dict[int, Entry] = {}
        for segment, rows, positions in self.locate(ids):
            found |= zip(rows.tolist(), segment.table.entries(positions.tolist()), strict=True)
        return [found[row] for row in range(len(ids))]

    def vectors(self, ids: Sequence[int]) -> Vectors:
        result = np.empty((len(ids), self.manifest.origin.dimension), np.float32)
        for segment, rows, positions in self.locate(ids):
            result[rows] = segment.ann.vectors(positions)
        return result

    def locate(self, ids: Sequence[int] | Positions) -> list[tuple[Segment, Positions, Positions]]:
        """(segment, places in `ids`, positions in the segment); DataError names ids that are nowhere."""
        wanted = np.asarray(ids, dtype=np.int64)
        missing, located = np.ones(len(wanted), dtype=bool), []
        for segment in self.segments:
            positions = segment.positions(wanted)
            rows = np.flatnonzero(positions != NOTHING)
            if len(rows):
                located.append((segment, rows, positions[rows]))
                missing[rows] = False
        if missing.any():
            first, given = wanted[missing][:5].tolist(), self.manifest.next_id
            raise DataError(
                f"no entry has id {', '.join(map(str, first))}{' …' if missing.sum() > 5 else ''}; ids were given "
                f"from 0 to {given - 1}, and those of removed entries are not given again"
                if given
                else f"no entry has id {', '.join(map(str, first))}: the index is empty"
            )
        return located


def _contents(manifest: Manifest, record: SegmentRecord) -> Contents:
    return tuple(manifest.files[name] for name in record.names())


def _load(folder: Path, manifest: Manifest, record: SegmentRecord, held: dict[Contents, Segment]) -> Segment:
    contents = _contents(manifest, record)
    whole = held.get(contents)
    if whole is not None and whole.record == record:
        return whole
    known = held.get(contents[:2])

    def read(name: str) -> bytes:
        return read_verified(folder / name, manifest.files[name])

    if known is None:
        ann = Ann.from_bytes(read(record.vectors), record.kind)
        read(record.entries)  # SQLite opens the file itself, once it is known to be whole
        table = Table(folder / record.entries)
    else:
        ann, table = known.ann, known.table
    if (len(ann), ann.dimension) != (len(table), manifest.origin.dimension):
        raise RetrievalError(
            f"{folder / record.vectors}: {len(ann)} vectors of {ann.dimension} numbers, but {len(table)} entries, "
            f"and vectors of {manifest.origin.dimension} by the manifest; {CURE}"
        )
    live = None
    if record.live is not None:
        bits = np.frombuffer(read(record.live), np.uint8)
        live = np.unpackbits(bits, count=len(table)).astype(bool)
    return Segment(record, ann, table, live)
