"""One writer at a time: a lock that the system takes back when its holder dies, however it dies."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

BUSY = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)  # how systems say that another holds a lock
LOCKED_BYTE = 1 << 20  # Windows forbids others to read what is locked, so not the byte that the id stands in


class Held(Exception):
    """Another process holds the lock; the text is its id."""


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock of the file `path`, made where it is not there, during the block.

    It holds the holder's process id for others to read, and nothing else.

    Raises:
        Held: at once.
        OSError: the file cannot be made, or the system has no locks there.
    """
    with open(path, "a+b", buffering=0, opener=_no_link) as file:
        try:
            _take(file)
        except OSError as error:
            if error.errno in BUSY:
                raise Held(_holder(file)) from error
            raise
        try:
            with suppress(OSError):  # a full disk keeps others from knowing the holder, not from being kept out
                file.truncate(0)
                file.write(f"{os.getpid()}\n".encode())
            yield
        finally:
            with suppress(OSError):
                file.truncate(0)


def _no_link(path: str, flags: int) -> int:
    """Opens no symbolic link: a folder of a stranger's could have one to a file of the user's."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


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
