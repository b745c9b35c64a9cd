"""The next generation of a folder while it is written: nothing of it counts until its manifest takes its place."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from unified.index import manifest as manifests
from unified.index.ann import Ann, Mask
from unified.index.backend import Vectors
from unified.index.manifest import MANIFEST, FileRecord, SegmentRecord, read_manifest
from unified.index.policy import Policy, tune
from unified.index.segment import Segment
from unified.index.snapshot import Snapshot
from unified.index.table import Row, Table, write_table
from unified.train import durable

VECTORS, ENTRIES, LIVE = ".faiss", ".sqlite", ".live"


class Draft:
    """Write files with `segment` and `without`, then `commit`. OSError when the disk refuses: `sweep` then clears."""

    def __init__(self, folder: Path, base: Snapshot, policy: Policy) -> None:
        self.folder, self.base, self.policy = folder, base, policy
        self.name = f"{base.manifest.generation + 1:08d}"
        self.written: dict[str, FileRecord] = {}

    def segment(self, vectors: Vectors, rows: Iterable[Row]) -> Segment:
        """Build and write one segment of vectors with their rows, in the order of ascending ids."""
        ann = Ann.build(vectors, self.policy.kind(*vectors.shape))
        effort, recall = tune(ann, vectors)
        record = SegmentRecord(
            kind=ann.kind,
            vectors=self._write(self.name + VECTORS, ann.to_bytes()),
            entries=self._write_table(self.name + ENTRIES, rows),
            live=None,
            nprobe=effort.nprobe,
            k_factor=effort.k_factor,
            recall=recall,
        )
        return Segment(record, ann, Table(self.folder / record.entries))

    def without(self, segment: Segment, live: Mask) -> Segment:
        """The same segment when only the positions `live` are left of it."""
        name = f"{self.name}-{Path(segment.record.vectors).stem}{LIVE}"
        self._write(name, memoryview(np.packbits(live).tobytes()))
        return Segment(segment.record.model_copy(update={"live": name}), segment.ann, segment.table, live)

    def commit(self, segments: Sequence[Segment], next_id: int) -> Snapshot:
        """Make `segments` what the folder holds from now on."""
        records = tuple(segment.record for segment in segments)
        files = self.base.manifest.files | self.written
        names = [name for record in records for name in record.names()]
        manifest = self.base.manifest.model_copy(
            update={
                "generation": self.base.manifest.generation + 1,
                "next_id": next_id,
                "segments": records,
                "files": {name: files[name] for name in names},
            }
        )
        durable.sync_folder(self.folder)
        durable.replace_file(self.folder / MANIFEST, manifests.seal(manifest))
        return Snapshot(manifest, segments)

    def _write(self, name: str, data: memoryview) -> str:
        durable.write_synced(self.folder / name, data)
        self.written[name] = manifests.record(data)
        return name

    def _write_table(self, name: str, rows: Iterable[Row]) -> str:
        path = self.folder / name
        write_table(path, rows)
        with open(path, "r+b") as file:  # Windows syncs only what it may write
            os.fsync(file.fileno())
        self.written[name] = manifests.record(path.read_bytes())
        return name


def sweep(folder: Path) -> None:
    """Delete what belongs to no committed state: left by a change that failed, or of an earlier generation.

    What is committed is read from the disk: a change may have failed after its last step there. A reader that is about
    to open a deleted file finds it gone, and a newer manifest.
    """
    files = read_manifest(folder).files
    for path in folder.iterdir():
        own = path.suffix in (VECTORS, ENTRIES, LIVE) and path.stem.replace("-", "").isdigit()
        if own and path.name not in files:
            with suppress(PermissionError):  # Windows keeps what a reader has open; the next change tries again
                path.unlink(missing_ok=True)
