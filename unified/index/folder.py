"""An index in a folder, for one writer and any number of readers.

    manifest.json       what belongs to the index, with size and SHA-256 of every file (`manifest.py`)
    00000007.faiss      the vectors of one segment, and
    00000007.sqlite     … their entries; both are written once, by the change of that number
    00000009-00000007.live   which of them change 9 has left
    writer.lock         who is writing

New vectors become a segment of their own, so that a large one need not be trained again; segments that are no larger
than what follows them are merged with it, which keeps their number logarithmic (a log-structured merge tree, O'Neil
et al. 1996). A change writes new files, then replaces manifest.json: killed at any moment, it has happened or has not.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from unified.errors import ConfigError, RetrievalError
from unified.index import manifest as manifests
from unified.index.backend import Effort, Filter, Neighbours, Vectors
from unified.index.draft import Draft, sweep
from unified.index.entry import Entry, Hit
from unified.index.lock import LOCK, writer_lock
from unified.index.manifest import FORMAT_VERSION, MANIFEST, Manifest, read_manifest
from unified.index.origin import Origin
from unified.index.policy import USUAL, Policy
from unified.index.segment import Segment
from unified.index.snapshot import Snapshot
from unified.index.table import Row, row_of
from unified.index.text import Mention, best
from unified.train import durable

# What a change needs beside the vectors themselves, as a share of them: entries, lists, codes.
OVERHEAD = 0.5
SPARE_BYTES = 1 << 20


class FolderBackend:
    """Make it with `create` or `open`. It holds one committed state; `refresh` takes up what others have committed."""

    def __init__(self, folder: Path, snapshot: Snapshot, policy: Policy) -> None:
        self.folder, self.snapshot, self.policy = folder, snapshot, policy

    @classmethod
    def create(cls, folder: Path, origin: Origin, policy: Policy = USUAL) -> FolderBackend:
        """An empty index in a new or empty folder; ConfigError when there is anything in it."""
        manifest = Manifest(
            format_version=FORMAT_VERSION, generation=0, origin=origin, next_id=0, segments=(), files={}
        )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with writer_lock(folder):
                if {path.name for path in folder.iterdir()} - {LOCK, f".{MANIFEST}.new"}:  # of a killed `create`
                    raise ConfigError(
                        f"{folder} is not empty: give a new folder, or add to the index with: unified index add"
                    )
                durable.replace_file(folder / MANIFEST, manifests.seal(manifest))
        except OSError as error:
            raise RetrievalError(f"{folder}: no index can be made here: {error.strerror}") from error
        return cls(folder, Snapshot(manifest, ()), policy)

    @classmethod
    def open(cls, folder: Path, policy: Policy = USUAL) -> FolderBackend:
        """The last committed state, every byte of it verified; RetrievalError says what is damaged."""
        return cls(folder, _load(folder, None), policy)

    @property
    def origin(self) -> Origin:
        return self.snapshot.manifest.origin

    def __len__(self) -> int:
        return self.snapshot.count

    def categories(self) -> list[str]:
        return self.snapshot.categories

    def refresh(self) -> bool:
        """Take up the last committed state; whether it is another. Searches that have begun end on the old one."""
        before, self.snapshot = self.snapshot, _load(self.folder, self.snapshot)
        return self.snapshot is not before

    def add(self, vectors: Vectors, entries: Sequence[Entry]) -> list[int]:
        with self._writing(vectors.nbytes) as draft:
            first = draft.base.manifest.next_id
            ids = range(first, first + len(vectors))
            rows: Iterator[Row] = (row_of(id, entry) for id, entry in zip(ids, entries, strict=True))
            kept, size = list(draft.base.segments), len(vectors)
            merged: list[Segment] = []
            while kept and kept[-1].count <= size:
                merged.insert(0, kept.pop())
                size += merged[0].count
            joined = np.concatenate([*map(_live_vectors, merged), vectors]) if merged else vectors
            fresh = draft.segment(joined, chain(_rows(merged), rows))
            self.snapshot = draft.commit([*kept, fresh], ids.stop)
        return list(ids)

    def remove(self, ids: Sequence[int]) -> None:
        with self._writing() as draft:
            next_id, left = draft.base.manifest.next_id, {s.record.vectors: s for s in draft.base.segments}
            for segment, _, positions in draft.base.locate(ids):
                live = np.ones(len(segment.table), dtype=bool) if segment.live is None else segment.live.copy()
                live[positions] = False
                if live.any():
                    left[segment.record.vectors] = draft.without(segment, live)
                else:
                    del left[segment.record.vectors]
            self.snapshot = draft.commit(list(left.values()), next_id)

    def compact(self) -> None:
        with self._writing() as draft:
            base = draft.base
            if not base.count or (len(base.segments) == 1 and base.segments[0].live is None):
                return
            vectors = np.concatenate([*map(_live_vectors, base.segments)])
            fresh = draft.segment(vectors, _rows(base.segments))
            self.snapshot = draft.commit([fresh], base.manifest.next_id)

    def search(
        self, vectors: Vectors, k: int, *, where: Filter | None = None, parameters: Effort | None = None
    ) -> list[list[Hit]]:
        snapshot = self.snapshot
        return snapshot.hits(snapshot.nearest(vectors, k, where, parameters or Effort()))

    def search_with_vectors(
        self, vectors: Vectors, k: int, *, where: Filter | None = None, parameters: Effort | None = None
    ) -> list[tuple[list[Hit], Vectors]]:
        snapshot = self.snapshot
        found = snapshot.hits(snapshot.nearest(vectors, k, where, parameters or Effort()))
        return [(hits, snapshot.vectors([hit.id for hit in hits])) for hits in found]

    def nearest(
        self, vectors: Vectors, k: int, *, where: Filter | None = None, parameters: Effort | None = None
    ) -> Neighbours:
        return self.snapshot.nearest(vectors, k, where, parameters or Effort())

    def mentions(self, query: str, k: int, *, where: Filter | None = None) -> list[Mention]:
        segments = self.snapshot.segments
        if not any(segment.table.has_captions for segment in segments):
            raise RetrievalError(
                f"{self.folder}: no captions are kept with this index, and text search looks at nothing else; build it "
                "from a data set that has them (--data DIR), or with a model that makes them (the task caption), where "
                "Python's SQLite knows FTS5"
            )
        return best((mention for segment in segments for mention in segment.mentions(query, k, where)), k)

    def vectors(self, ids: Sequence[int]) -> Vectors:
        return self.snapshot.vectors(ids)

    def entries(self, ids: Sequence[int]) -> list[Entry]:
        return self.snapshot.entries(ids)

    def info(self) -> dict[str, Any]:
        snapshot = self.snapshot
        stored = sum(len(segment.table) for segment in snapshot.segments)
        return {
            "uri": str(self.folder),
            "backend": "FAISS",
            "entries": snapshot.count,
            "removed": stored - snapshot.count,
            "generation": snapshot.manifest.generation,
            "next_id": snapshot.manifest.next_id,
            "segments": [
                {"entries": segment.count, **segment.record.model_dump(include=set(SHOWN))}
                for segment in snapshot.segments
            ],
            "recall@10": _mean_recall(snapshot.segments),
            "categories": snapshot.categories,
            "bytes": sum(file.size for file in snapshot.manifest.files.values()),
            "format_version": snapshot.manifest.format_version,
            "origin": snapshot.manifest.origin.model_dump(),
        }

    def verify(self) -> list[str]:
        """Reads everything from the disk again, and compares the files with each other."""
        try:
            snapshot = _load(self.folder, None)
        except RetrievalError as error:
            return [str(error)]
        faults, last = [], -1
        for segment in snapshot.segments:
            ids, name = segment.table.ids, segment.record.entries
            faults += [f"{self.folder / name}: {fault}" for fault in segment.table.faults()]
            if ids[0] <= last or (np.diff(ids) <= 0).any() or ids[-1] >= snapshot.manifest.next_id:
                faults.append(f"{self.folder / name}: ids are not ascending below {snapshot.manifest.next_id}")
            last = ids[-1]
        return faults

    def close(self) -> None:
        self.snapshot = Snapshot(self.snapshot.manifest, ())

    @contextmanager
    def _writing(self, new_bytes: int = 0) -> Iterator[Draft]:
        """Lock, take up the last committed state, and clear whatever a change leaves that fails or that is done."""
        with writer_lock(self.folder):
            self.refresh()
            sweep(self.folder)
            need = SPARE_BYTES + int(new_bytes * (1 + OVERHEAD))
            try:
                if shutil.disk_usage(self.folder).free < need:
                    raise OSError(errno.ENOSPC, "No space left on device")
                yield Draft(self.folder, self.snapshot, self.policy)
            except OSError as error:
                raise RetrievalError(
                    f"{self.folder}: the change could not be written: {error.strerror}. The last committed "
                    "state is intact: make room, or the folder writable, and try again"
                ) from error
            finally:
                sweep(self.folder)


SHOWN = ("kind", "nprobe", "k_factor", "recall")


def _load(folder: Path, known: Snapshot | None) -> Snapshot:
    """The folder's last committed state; while one is being read, a writer may commit the next and sweep its files."""
    manifest = read_manifest(folder)
    while True:
        if known is not None and manifest == known.manifest:
            return known
        try:
            return Snapshot.load(folder, manifest, known)
        except RetrievalError:
            latest = read_manifest(folder)
            if latest.generation == manifest.generation:
                raise
            manifest = latest


def _live_vectors(segment: Segment) -> Vectors:
    vectors = segment.ann.vectors()
    return vectors if segment.live is None else vectors[segment.live]


def _rows(segments: Sequence[Segment]) -> Iterator[Row]:
    for segment in segments:
        yield from segment.table.rows(segment.live)


def _mean_recall(segments: Sequence[Segment]) -> float | None:
    total = sum(segment.count for segment in segments)
    return sum(segment.record.recall * segment.count for segment in segments) / total if total else None
