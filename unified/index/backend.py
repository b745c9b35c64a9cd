"""What every index can do, wherever it is kept. `Index` checks what it is given; a backend may rely on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from unified.index.entry import Entry, Hit
from unified.index.origin import Origin
from unified.index.text import Mention

Vectors = NDArray[np.float32]
NOTHING = -1  # the id, and the position, of what was not found


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries may be found; all conditions hold together.

    `category` is the entry's category name. `min_score` is the least *detection* score that is stored with the entry
    (not the similarity to the query); an entry without one does not match.
    """

    category: str | None = None
    min_score: float | None = None


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard one search tries; None leaves it to what the index measured when it was built.

    `nprobe` is the number of inverted lists that are looked through, `k_factor` how many times k candidates of
    the compressed vectors are compared exactly. Kinds of index without the one or the other take no notice of it.
    """

    nprobe: int | None = None
    k_factor: int | None = None


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The best of every query, most similar first: ids (N, k) int64, scores (N, k) float32 in [-1, 1].

    Where fewer than k entries match, a row ends in ids -1 with scores -inf.
    """

    ids: NDArray[np.int64]
    scores: Vectors


class Backend(Protocol):
    """Vectors are (N, D) float32 of length 1, ids have been checked to be integers, k to be within the size."""

    @property
    def origin(self) -> Origin:
        """What made the vectors."""

    def __len__(self) -> int:
        """How many entries can be found."""

    def categories(self) -> list[str]:
        """The names of all categories among the entries, sorted."""

    def add(self, vectors: Vectors, entries: Sequence[Entry]) -> list[int]:
        """Store all or none; their new ids, which no other entry had or will have."""

    def remove(self, ids: Sequence[int]) -> None:
        """Forget all or none; DataError names ids that are not in the index."""

    def compact(self) -> None:
        """Give back the room of what was removed, and arrange the rest for the quickest search."""

    def search(
        self, vectors: Vectors, k: int, *, where: Filter | None = None, parameters: Effort | None = None
    ) -> list[list[Hit]]:
        """For every query its k most similar entries, best first; fewer only where fewer match `where`."""

    def search_with_vectors(
        self, vectors: Vectors, k: int, *, where: Filter | None = None, parameters: Effort | None = None
    ) -> list[tuple[list[Hit], Vectors]]:
        """The same, with the stored vector (D,) of every hit: both of one committed state, whatever a writer does."""

    def nearest(
        self, vectors: Vectors, k: int, *, where: Filter | None = None, parameters: Effort | None = None
    ) -> Neighbours:
        """The same as arrays, without the entries."""

    def mentions(self, query: str, k: int, *, where: Filter | None = None) -> list[Mention]:
        """The k pictures whose captions answer a query of `text.match` best; RetrievalError where none are kept."""

    def vectors(self, ids: Sequence[int]) -> Vectors:
        """The stored vectors in that order; DataError names ids that are not in the index."""

    def entries(self, ids: Sequence[int]) -> list[Entry]:
        """The entries in that order; DataError names ids that are not in the index."""

    def info(self) -> dict[str, Any]:
        """What `unified index info` shows; plain JSON values."""

    def verify(self) -> list[str]:
        """What is wrong with the stored index, a line a fault; empty when all is well."""

    def close(self) -> None:
        """Let go of files and connections."""
