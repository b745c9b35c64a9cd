"""An index of embeddings: what users hold. It checks what it is given and leaves the work to a backend.

with Index.create("faces.index", origin) as index:
    ids = index.add(vectors, entries)
    hits = index.search(queries, k=10, where=Filter(category="person"))
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from unified.errors import ConfigError, DataError, RetrievalError, nearest
from unified.index import vectors as arrays
from unified.index.backend import Backend, Effort, Filter, Neighbours, Vectors
from unified.index.entry import Entry, Hit, check
from unified.index.folder import FolderBackend
from unified.index.origin import Origin, require_same
from unified.index.text import Mention, match

if TYPE_CHECKING:
    from unified.index.embed import Embedder
    from unified.predict import Picture

MILVUS = "milvus:"
USUAL_K = 10  # neighbours, where nobody says how many
CANDIDATES = 100  # entries that are put into another order, at least
LARGEST_ID = 2**63 - 1


class Index:
    """Entries with vectors, searched by cosine similarity. Make it with `create` or `open`; it is a context manager.

    Searches may run in many threads at once and beside a writer; each sees one committed state.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend: Backend | None = backend
        self._embedder: Embedder | None = None

    @classmethod
    def create(cls, uri: str | Path, origin: Origin) -> Index:
        """An empty index in a new folder, or on a server (`milvus:ADDRESS`). ConfigError when something is there."""
        address = str(uri)
        if address.startswith(MILVUS):
            return cls(_milvus().create(address.removeprefix(MILVUS), origin))
        return cls(FolderBackend.create(Path(uri), origin))

    @classmethod
    def open(cls, uri: str | Path, *, origin: Origin | None = None) -> Index:
        """The index at a folder or `milvus:ADDRESS`; RetrievalError when it is none, damaged, or not of `origin`."""
        address = str(uri)
        if address.startswith(MILVUS):
            index = cls(_milvus().open(address.removeprefix(MILVUS)))
        else:
            index = cls(FolderBackend.open(Path(uri)))
        if origin is not None:
            try:
                require_same(index.origin, origin)
            except RetrievalError:
                index.close()
                raise
        return index

    @property
    def backend(self) -> Backend:
        if self._backend is None:
            raise RetrievalError("this index has been closed: open it again")
        return self._backend

    @property
    def origin(self) -> Origin:
        return self.backend.origin

    def __len__(self) -> int:
        return len(self.backend)

    def add(self, vectors: ArrayLike, entries: Sequence[Entry]) -> list[int]:
        """Store (N, D) vectors with their N entries, all or none; their ids. DataError for what cannot be stored."""
        checked = arrays.unit(vectors, self.origin.dimension)
        if len(checked) != len(entries):
            raise DataError(f"{len(checked)} vectors and {len(entries)} entries: each vector needs its own")
        for place, entry in enumerate(entries):
            check(entry, place)
        return self.backend.add(checked, entries) if len(entries) else []

    def remove(self, ids: Sequence[int]) -> None:
        """Forget entries, all or none. DataError names ids that are not in the index."""
        if len(ids):
            self.backend.remove(_whole(ids))

    def compact(self) -> None:
        """Give back the room of what was removed, and arrange the rest for the quickest search."""
        self.backend.compact()

    def search(
        self,
        vectors: ArrayLike,
        k: int,
        *,
        where: Filter | None = None,
        parameters: Effort | None = None,
        rerank: int = 0,
    ) -> list[list[Hit]]:
        """For each of (N, D) vectors its k most similar entries, best first; fewer only where fewer match `where`.

        With `rerank`, the best `CANDIDATES` come in the order of `unified.ops.rerank.Reranking`, with so many
        neighbours; scores stay cosines.

        DataError for vectors that no entry can be similar to and for a category that no entry has, ConfigError for a
        k beyond the size, RetrievalError for an empty index.
        """
        k = _neighbours(k)
        checked = self._check_search(vectors, k, where, parameters)
        if not rerank:
            return self.backend.search(checked, k, where=where, parameters=parameters)
        depth = max(k, min(len(self), CANDIDATES))
        found = self.backend.search_with_vectors(checked, depth, where=where, parameters=parameters)
        return [_reranked(vector, hits, near, rerank)[:k] for vector, (hits, near) in zip(checked, found, strict=True)]

    def nearest(
        self, vectors: ArrayLike, k: int, *, where: Filter | None = None, parameters: Effort | None = None
    ) -> Neighbours:
        """What `search` finds, as arrays of ids and scores: the quick way for many queries. Same errors."""
        k = _neighbours(k)
        checked = self._check_search(vectors, k, where, parameters)
        return self.backend.nearest(checked, k, where=where, parameters=parameters)

    def query(
        self,
        image: Picture,
        *,
        box: Sequence[float] | None = None,
        k: int | None = None,
        category: str | None = None,
        min_score: float | None = None,
        rerank: int = 0,
        model: str | Path | None = None,
    ) -> list[Hit]:
        """The k entries most similar to a picture, or to its box (x, y, w, h) in original pixels; 10 where not said.

        The vector is made by the model that the index was built with; `model` is where it lies now, if not there still.

        Raises:
            RetrievalError: another model than the index's; both hashes are shown.
            DataError: the picture cannot be read, or the box does not lie within it; and as `search`.
        """
        vector = self.embedder(model).vector(image, box)
        return self.search(vector[None], self.usual(k), where=Filter(category, min_score), rerank=rerank)[0]

    def similar(
        self,
        id: int,
        *,
        k: int | None = None,
        category: str | None = None,
        min_score: float | None = None,
        rerank: int = 0,
    ) -> list[Hit]:
        """The k entries most similar to one of the index, itself left out. Errors as `search`."""
        size, vector = len(self), arrays.unit(self.vectors([id]), self.origin.dimension)
        k = min(USUAL_K, size - 1) if k is None else _neighbours(k)
        if not 1 <= k < size:
            raise ConfigError(f"k is {k}, and the index holds {size - 1} entries beside {id}; ask for 1 to {size - 1}")
        self._check_category(category)
        where = Filter(category, min_score)
        if not rerank:
            return [hit for hit in self.backend.search(vector, k + 1, where=where)[0] if hit.id != id][:k]
        depth = min(size, max(k, CANDIDATES) + 1)
        ((hits, near),) = self.backend.search_with_vectors(vector, depth, where=where)
        others = [place for place, hit in enumerate(hits) if hit.id != id]  # it would be its own neighbour
        return _reranked(vector[0], [hits[place] for place in others], near[others], rerank)[:k]

    def mentions(
        self, text: str, *, k: int = USUAL_K, category: str | None = None, min_score: float | None = None
    ) -> list[Mention]:
        """The k pictures, or fewer, whose captions have most to do with the words of `text`: text search, see `text`.

        `category` and `min_score` ask for pictures with such an entry.

        Raises:
            ConfigError: there is no word in the text. RetrievalError: no captions are kept, or the index is on Milvus.
        """
        query = match(text)
        if k < 1:
            raise ConfigError(f"k is {k}; ask for 1 or more")
        self._check_category(category)
        where = None if category is None and min_score is None else Filter(category, min_score)
        return self.backend.mentions(query, k, where=where)

    def embedder(self, model: str | Path | None = None) -> Embedder:
        """What makes vectors for this index: the model at `model`, or where it lay when the index was built.

        Raises:
            RetrievalError: another model than the index's; both hashes are shown.
        """
        from unified.index.embed import Embedder  # torch; searching by vectors needs none

        run = self.origin.run if model is None else str(model)
        if run is None:
            raise ConfigError("the index does not say which model made its vectors: name its run with --model RUN")
        if model is None and not Path(run).exists():
            raise RetrievalError(f"the model of this index is no longer at {run}: name its run with --model RUN")
        if self._embedder is None or self._embedder.origin.run != str(Path(run).resolve()):
            found = Embedder.load(run)
            require_same(self.origin, found.origin)
            self._embedder = found
        return self._embedder

    def usual(self, k: int | None = None) -> int:
        """How many neighbours to show: k, or where nobody says, 10 or as many as there are."""
        return min(USUAL_K, len(self)) if k is None else k

    def vectors(self, ids: Sequence[int]) -> Vectors:
        """The stored vectors (N, D), of length 1, in the order of `ids`. DataError names unknown ids."""
        return self.backend.vectors(_whole(ids))

    def entries(self, ids: Sequence[int]) -> list[Entry]:
        """The entries in the order of `ids`. DataError names unknown ids."""
        return self.backend.entries(_whole(ids))

    def info(self) -> dict[str, Any]:
        """Size, kind, measured recall, origin and more, as plain JSON values."""
        return self.backend.info()

    def verify(self) -> list[str]:
        """What is wrong with the stored index, a line a fault; empty when all is well."""
        return self.backend.verify()

    def close(self) -> None:
        """Let go of files and connections; closing twice is no error."""
        if self._backend is not None:
            self._backend.close()
            self._backend = None

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_search(self, vectors: ArrayLike, k: int, where: Filter | None, parameters: Effort | None) -> Vectors:
        checked = arrays.unit(vectors, self.origin.dimension)
        size = len(self)
        if size == 0:
            raise RetrievalError("the index is empty: add entries first")
        if not 1 <= k <= size:
            raise ConfigError(f"k is {k}, and the index holds {size} entries; ask for 1 to {size}")
        self._check_category(None if where is None else where.category)
        for name, value in (("nprobe", parameters.nprobe), ("k_factor", parameters.k_factor)) if parameters else ():
            if value is not None and value < 1:
                raise ConfigError(f"{name} is {value}; give 1 or more")
        return checked

    def _check_category(self, category: str | None) -> None:
        if category is not None and category not in (names := self.backend.categories()):
            raise DataError(f"no entry is of category {category!r}; {nearest(category, names)}")


def _reranked(vector: Vectors, hits: Sequence[Hit], near: Vectors, neighbours: int) -> list[Hit]:
    """The hits of a query (D,), whose own vectors (N, D) are `near`, in the order of re-ranking."""
    from unified.ops.rerank import Reranking  # scipy; searching by cosines needs none

    if neighbours < 0:
        raise ConfigError(f"rerank is {neighbours}; ask for 0, which is none, or for a number of neighbours")
    similarities = Reranking(np.concatenate([vector[None], near]), neighbours).similarities(np.array([0]))[0, 1:]
    return [hits[place] for place in np.argsort(-similarities, kind="stable").tolist()]


def _neighbours(k: int) -> int:
    """As Python's own number: FAISS knows no other."""
    try:
        return operator.index(k)
    except TypeError as error:
        raise ConfigError(f"k is {k!r}; give a whole number") from error


def _whole(ids: Sequence[Any]) -> list[int]:
    """As Python's integers (NumPy's are taken too); DataError for what no id can be."""
    for id in ids:
        if not isinstance(id, Integral) or not 0 <= int(id) <= LARGEST_ID:
            raise DataError(f"no entry has id {id!r}: ids are whole numbers from 0 on")
    return [int(id) for id in ids]


def _milvus() -> Any:
    from unified.index.milvus import MilvusBackend

    return MilvusBackend
