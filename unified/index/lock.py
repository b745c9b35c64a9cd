"""Of an index there are many readers, and one writer at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from unified.errors import RetrievalError
from unified.ops.lock import Held, exclusive

LOCK = "writer.lock"  # no part of the index's data


@contextmanager
def writer_lock(folder: Path) -> Iterator[None]:
    """Hold the folder's lock during the block; RetrievalError at once, naming the process, where another holds it."""
    with ExitStack() as held:
        try:
            held.enter_context(exclusive(folder / LOCK))
        except Held as holder:
            raise RetrievalError(
                f"{folder}: process {holder} is writing to this index; wait for it to finish. "
                "Reading and searching are possible meanwhile"
            ) from holder
        except OSError as error:
            raise RetrievalError(f"{folder}: cannot be written to: {error.strerror}") from error
        yield
