"""One writer at a time: a lock that the system takes back when its holder dies, however it dies."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from unified.errors import RetrievalError

LOCK = "writer.lock"  # holds the writer's process id for others to read; no part of the index's data
HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)  # how systems say that another holds a lock
LOCKED_BYTE = 1 << 20  # Windows forbids others to read what is locked, so not the byte that the id stands in


@contextmanager
def writer_lock(folder: Path) -> Iterator[None]:
    """Hold the folder's lock during the block; RetrievalError at once, naming the process, where another holds it."""
    try:
        file = open(folder / LOCK, "a+b", buffering=0)  # noqa: SIM115 - closed by the `with` below
    except OSError as error:
        raise RetrievalError(f"{folder}: cannot be written to: {error.strerror}") from error
    with file:
        try:
            _take(file)
        except OSError as error:
            if error.errno not in HELD:
                raise RetrievalError(f"{folder}: cannot be locked for writing: {error.strerror}") from error
            raise RetrievalError(
                f"{folder}: process {_holder(file)} is writing to this index; wait for it to finish. "
                "Reading and searching are possible meanwhile"
            ) from error
        try:
            with suppress(OSError):  # a full disk keeps others from knowing the holder, not from being kept out
                file.truncate(0)
                file.write(f"{os.getpid()}\n".encode())
            yield
        finally:
            file.truncate(0)


def _holder(file: BinaryIO) -> str:
    for _ in range(20):  # it writes its id right after it has taken the lock
        file.seek(0)
        if text := file.read(20).decode(errors="replace").strip():
            return text
        time.sleep(0.005)
    return "unknown"


def _take(file: BinaryIO) -> None:
    if os.name == "nt":
        import msvcrt

        file.seek(LOCKED_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
