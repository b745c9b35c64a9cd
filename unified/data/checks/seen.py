"""A picture file, looked at once: what it says of itself, whether its pixels decode, and the digest of its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from unified.data.picture import Header, PictureFault, open_picture, read_header
from unified.ops.cores import cores


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found at a path."""

    path: Path  # where the file is in fact: its name may be misspelt in the annotations
    digest: bytes | None = None  # SHA-256; None where nothing could be read
    header: Header | None = None
    fault: PictureFault | None = None  # why it cannot be used
    blank: bool = False  # all pixels of one colour


def look_at(paths: Sequence[Path], progress: Callable[[int, int], None] | None = None) -> list[Seen]:
    """Every file, in the order of `paths`."""
    # Decoding and hashing release the interpreter lock, so threads are enough.
    found = []
    with ThreadPoolExecutor(cores()) as pool:
        for seen in pool.map(look, paths):
            found.append(seen)
            if progress is not None:
                progress(len(found), len(paths))
    return found


def look(path: Path) -> Seen:
    """One file; what is wrong with it is told, not raised."""
    header = None
    digest = _digest(path)
    try:
        header = read_header(path)
        picture = open_picture(path)
    except PictureFault as fault:
        return Seen(path, digest, header, fault)
    low_high = picture.getextrema()
    return Seen(path, digest, header, blank=all(low == high for low, high in low_high))  # type: ignore[misc]


def _digest(path: Path) -> bytes | None:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return None  # open_picture says why
