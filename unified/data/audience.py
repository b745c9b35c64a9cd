"""Which tasks the labels of each picture are for.

A label that is there may still not be meant: a data set of captions may hold a few boxes, and no picture of it all
boxes. What is not meant for a task is to that task as if it were not given.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_KEEP = 5  # a stream of random numbers under the seed; those of the plan have other numbers


@dataclass(frozen=True, slots=True)
class Audience:
    """`given[i, t]`: the labels of picture i are for task t."""

    tasks: tuple[str, ...]
    given: NDArray[np.bool_]  # (pictures, T)

    @classmethod
    def of_parts(cls, tasks: Sequence[str], parts: Iterable[tuple[int, Collection[str]]]) -> Audience:
        """Data sets one after the other: the pictures of each, and the tasks that it is labelled for."""
        rows = [np.tile([task in meant for task in tasks], (count, 1)) for count, meant in parts]
        return cls(tuple(tasks), np.concatenate(rows))

    def of(self, i: int) -> frozenset[str]:
        return frozenset(task for task, given in zip(self.tasks, self.given[i].tolist(), strict=True) if given)

    def chosen(self, pictures: Sequence[int]) -> Audience:
        """That of those pictures, in this order."""
        return Audience(self.tasks, self.given[np.asarray(pictures, dtype=np.int64)])

    def labelled(self) -> list[int]:
        """The pictures with labels for any task."""
        pictures: list[int] = np.flatnonzero(self.given.any(axis=1)).tolist()
        return pictures

    def counts(self) -> dict[str, int]:
        """Task → pictures with labels for it."""
        return dict(zip(self.tasks, self.given.sum(0).tolist(), strict=True))

    def keeping(self, shares: Mapping[str, float], seed: int) -> Audience:
        """With this share of each task's pictures, drawn for each task by itself; of tasks not named, all of them."""
        given = self.given.copy()
        for t, task in enumerate(self.tasks):
            (rows,) = given[:, t].nonzero()
            rng = np.random.default_rng((seed, _KEEP, zlib.crc32(task.encode())))  # whatever other tasks there are
            lost = len(rows) - round(shares.get(task, 1.0) * len(rows))
            given[rng.permutation(rows)[:lost], t] = False
        return Audience(self.tasks, given)

    def codes(self, without: Collection[str] = ()) -> NDArray[np.int64]:
        """(pictures,): a bit for each task but those of `without`."""
        columns = [self.given[:, t] for t, task in enumerate(self.tasks) if task not in without]
        codes = np.zeros(len(self.given), dtype=np.int64)
        for bit, column in enumerate(columns):
            codes |= column.astype(np.int64) << bit
        return codes


def common(several: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    """The tasks that all of them are for; None stands for every task."""
    found: frozenset[str] | None = None
    for tasks in several:
        found = tasks if found is None else found if tasks is None else found & tasks
    return found
