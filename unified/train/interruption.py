"""Ctrl-C and SIGTERM as a request: the training ends at a point that it can go on from."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Whether the user, or the scheduler of a cluster, has asked to stop.

    A second signal does not ask: it raises KeyboardInterrupt at once.
    """

    def __init__(self) -> None:
        self.requested = False
        self._at_once = False
        self._process = os.getpid()

    def check(self) -> None:
        """KeyboardInterrupt if a stop was asked for."""
        if self.requested:
            raise KeyboardInterrupt

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Within this block the first signal raises: for work that may be lost."""
        self.check()
        self._at_once = True
        try:
            yield
        finally:
            self._at_once = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:
            self._leave_to_parent(number)
            return
        if self.requested or self._at_once:
            self.requested = True
            raise KeyboardInterrupt
        self.requested = True

    def _leave_to_parent(self, number: int) -> None:
        """In a forked loader process. Ctrl-C reaches the whole group: the parent decides. SIGTERM is its decision."""
        if number == signal.SIGTERM:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Turn the signals into requests for the length of the block. Only the main thread may, and only it is asked to."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    before = {number: signal.signal(number, interruption.handle) for number in SIGNALS}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: not set by Python
