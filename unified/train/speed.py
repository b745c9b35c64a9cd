"""How fast a training runs, and what it waits for. Nothing here enters the training itself."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch

T = TypeVar("T")
WINDOW = 50  # updates a rate is taken over


@dataclass(frozen=True, slots=True)
class Speed:
    images_per_second: float
    wait: float  # share of the time spent waiting for the loader, 0..1
    memory: int  # bytes: most ever allocated on the GPU, or resident in the process


class Meter:
    """Rates over the last updates. `clock` returns seconds."""

    def __init__(self, device: torch.device, clock: Callable[[], float] = time.perf_counter) -> None:
        self.device = device
        self.clock = clock
        self.restart()

    def restart(self) -> None:
        """Forget what was seen: after an evaluation, say."""
        self._images = 0
        self._waited = 0.0
        self._marks: deque[tuple[float, int, float]] = deque([(self.clock(), 0, 0.0)], maxlen=WINDOW + 1)

    def waiting(self, batches: Iterable[T]) -> Iterator[T]:
        """The same batches, with the time that each of them was waited for."""
        iterator = iter(batches)
        while True:
            before = self.clock()
            try:
                batch = next(iterator)
            except StopIteration:
                return
            self._waited += self.clock() - before
            yield batch

    def count(self, images: int) -> None:
        self._images += images

    def read(self) -> Speed:
        """Rates since the window's first reading; call once an update."""
        self._marks.append((self.clock(), self._images, self._waited))
        (then, images, waited), (now, images_now, waited_now) = self._marks[0], self._marks[-1]
        seconds = max(now - then, 1e-9)
        return Speed((images_now - images) / seconds, (waited_now - waited) / seconds, peak_memory(self.device))


def peak_memory(device: torch.device) -> int:
    """Bytes; 0 where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return 0
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
