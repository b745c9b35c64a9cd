"""Work in processes of its own: one that dies takes nothing along, and Ctrl-C lets what has begun stop by itself.

Imports nothing of weight: a process reads it before it reads what its work takes.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TypeVar

from unified.data.workers import deaf_children
from unified.ops.cores import cores
from unified.train.interruption import Interruption, interruptible

INTERRUPTED = "it was interrupted; call this again to go on with it"
THREADS = "OMP_NUM_THREADS"
LOOK_EVERY = 0.5  # seconds until Ctrl-C is seen; one that came just before waiting would not end that

T = TypeVar("T")


def in_processes(work: Callable[[T], str], items: Sequence[T], jobs: int) -> Iterator[tuple[T, str]]:
    """Each item as its work ends, with what it returned; `jobs` at a time, each in a fresh process.

    Fresh, as a copy of this one would share its threads' locks and its CUDA handles. They share the cores: with as many
    threads each, all would wait for each other. A process that dies says so in place of what it would have returned.

    Raises:
        KeyboardInterrupt: after Ctrl-C or SIGTERM. What runs was asked to stop, and has; nothing was begun any more.
    """
    waiting = list(reversed(items))
    running: dict[Connection, tuple[T, BaseProcess]] = {}
    with interruptible() as interruption:
        try:
            while waiting or running:
                interruption.check()
                if waiting and len(running) < jobs:
                    with _threads(max(cores() // jobs, 1)):
                        _start(work, waiting.pop(), running)
                    continue
                for receiver in _ready(list(running), interruption):
                    item, process = running[receiver]
                    answer = _answer(receiver, process)
                    del running[receiver]
                    yield item, answer
        finally:
            _stop([process for _, process in running.values()])


@contextmanager
def _threads(most: int) -> Iterator[None]:
    """What is started within the block computes with so many threads, or with fewer where this process was told so."""
    told = os.environ.get(THREADS, "")
    os.environ[THREADS] = str(min(most, int(told)) if told.isdecimal() else most)
    try:
        yield
    finally:
        del os.environ[THREADS]
        if told:
            os.environ[THREADS] = told


def _start(work: Callable[[T], str], item: T, running: dict[Connection, tuple[T, BaseProcess]]) -> None:
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(work, item, sender))
    running[receiver] = (item, process)  # first: a second Ctrl-C may come at any time, and it is to be stopped, too
    with sender, deaf_children():  # they are told by `_stop`, once, and not in the midst of their imports
        process.start()


def _work(work: Callable[[T], str], item: T, sender: Connection) -> None:
    """What the process does."""
    try:
        answer = work(item)
    except KeyboardInterrupt:  # by SIGTERM: it has saved what there is
        answer = INTERRUPTED
    with sender, suppress(OSError):  # nobody may be listening any more
        sender.send(answer)


def _ready(receivers: list[Connection], interruption: Interruption) -> list[Connection]:
    """Those that have an answer, or whose process has died."""
    while not (ready := wait(receivers, LOOK_EVERY)):
        interruption.check()
    return [receiver for receiver in receivers if receiver in ready]


def _answer(receiver: Connection, process: BaseProcess) -> str:
    try:
        answer: str | None = receiver.recv()
    except (EOFError, OSError):  # it ended without a word, or in the midst of one
        answer = None
    receiver.close()
    process.join()
    return _death(process.exitcode) if answer is None else answer


def _death(code: int | None) -> str:
    if code is None or code >= 0:
        return f"its process died: exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"its process died: {name}" + (", perhaps for want of memory" if name == "SIGKILL" else "")


def _stop(processes: list[BaseProcess]) -> None:
    """Ask the processes to stop, and wait until they have. Another Ctrl-C asks again, which they obey at once; a third
    ends them.
    """
    begun = [process for process in processes if process.pid is not None]
    for tell in (_ask, _ask, BaseProcess.kill):
        try:
            for process in begun:
                tell(process)
            for process in begun:
                process.join()
        except KeyboardInterrupt:
            continue
        return


def _ask(process: BaseProcess) -> None:
    if sys.platform != "win32":  # there this would be no request, and Ctrl-C has reached them already
        process.terminate()
