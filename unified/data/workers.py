"""How processes that read or draw pictures are started. Imports nothing of weight: those that draw need no torch."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import BaseContext

_NEEDED = ("__main__", "unified.data.parcel", "unified.data.augment", "unified.data.letterbox")


def worker_context() -> BaseContext:
    """Workers are copies of a small process that has read what they need: not of this one, with its model, its threads
    and its CUDA handles. That process starts now: reading torch takes seconds, in which this one can do something else.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver  # nothing that Windows has

    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(list(_NEEDED))
    with deaf_children():
        forkserver.ensure_running()
    return found


@contextmanager
def deaf_children() -> Iterator[None]:
    """Processes started within ignore SIGINT: a terminal sends it to all of them, and this one decides.

    They could ignore it themselves, but only once they have read what that takes.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # first, as starting it unblocks the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
