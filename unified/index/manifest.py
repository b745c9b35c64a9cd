"""manifest.json: what an index consists of. Replacing this one file is what commits a change.

It lists every other file with size and SHA-256, and ends in the SHA-256 of itself; a file that it does not list is no
part of the index.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from unified.errors import RetrievalError
from unified.index.origin import Origin

MANIFEST = "manifest.json"
FORMAT_VERSION = 1
CURE = "restore the folder from a copy, or build the index anew"


# Nothing outside the folder can be meant.
FileName = Annotated[str, Field(pattern=r"^[0-9]{8}(-[0-9]{8})?\.(faiss|sqlite|live)$")]


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileRecord(Strict):
    size: int
    sha256: str


class SegmentRecord(Strict):
    """Vectors that were written together: a FAISS file, an SQLite file, and a bitmap where some have been removed."""

    kind: str
    vectors: FileName
    entries: FileName
    live: FileName | None
    nprobe: int | None  # measured: what searches use …
    k_factor: int | None
    recall: float  # … and find, @10, of what Flat finds

    def names(self) -> list[str]:
        return [name for name in (self.vectors, self.entries, self.live) if name is not None]


class Manifest(Strict):
    format_version: int
    generation: int  # how many changes have been committed
    origin: Origin
    next_id: int  # ids below it have been given away
    segments: tuple[SegmentRecord, ...]
    files: dict[str, FileRecord]


def seal(manifest: Manifest) -> bytes:
    """The bytes of manifest.json: always the same for the same contents."""
    fields = manifest.model_dump()
    digest = hashlib.sha256(json.dumps(fields).encode()).hexdigest()
    return json.dumps(fields | {"sha256": digest}, indent=1).encode()


def read_manifest(folder: Path) -> Manifest:
    """RetrievalError when there is none, or when a single byte of it is not as it was written."""
    path = folder / MANIFEST
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        what = "no index here" if folder.is_dir() else "no such folder"
        raise RetrievalError(f"{folder}: {what} (no {MANIFEST}); build one with: unified index build") from error
    except OSError as error:
        raise RetrievalError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        fields: dict[str, Any] = json.loads(data)
        version = fields["format_version"]
        if version == FORMAT_VERSION:
            manifest = Manifest.model_validate({name: value for name, value in fields.items() if name != "sha256"})
            if seal(manifest) != data:
                raise ValueError("its SHA-256 is not its own")
            if {name for segment in manifest.segments for name in segment.names()} != manifest.files.keys():
                raise ValueError("its segments have other files than it lists")
            return manifest
    except (ValueError, TypeError, KeyError, RecursionError, ValidationError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RetrievalError(f"{path}: damaged ({reason}); {CURE}") from error
    raise RetrievalError(
        f"{path}: index format {version!r}, and this program reads format {FORMAT_VERSION}; "
        "use the version of the program that wrote it, or build the index anew"
    )


def record(data: bytes | memoryview) -> FileRecord:
    return FileRecord(size=len(data), sha256=hashlib.sha256(data).hexdigest())


def read_verified(path: Path, expected: FileRecord) -> bytes:
    """The file's bytes, if they are those that were written; else RetrievalError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RetrievalError(f"{path}: cannot be read: {error.strerror}; {CURE}") from error
    if len(data) != expected.size:
        raise RetrievalError(f"{path}: damaged: {len(data):,} bytes instead of {expected.size:,}; {CURE}")
    if record(data) != expected:
        raise RetrievalError(f"{path}: damaged: its SHA-256 is not the manifest's; {CURE}")
    return data
