"""A new folder is written under another name, by one process at a time, and takes its own when it is whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from unified.errors import DataError
from unified.ops.lock import Held, exclusive


@contextmanager
def unfinished(out: Path) -> Iterator[Path]:
    """A new, empty folder beside `out` for the block, to be renamed in it; what is left of it afterwards is removed.

    Raises:
        DataError: another process is writing `out` (where the file system has locks).
    """
    folder, lock = out.with_name(f".{out.name}.unfinished"), out.with_name(f".{out.name}.lock")
    out.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as claim:
        try:
            claim.enter_context(exclusive(lock))
        except Held as holder:
            raise DataError(f"{out}: process {holder} is writing this folder; name another one") from holder
        except OSError:
            pass  # not every file system has locks, and a full disk is told by the first thing written
        try:
            shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
            folder.mkdir()
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)
