"""FAISS, and all that is known of it: arrays go in, arrays come out. The only file that imports it.

An `Ann` is not changed once it is built, so any number of threads may search it; what a search is to look at comes with
the call (FAISS keeps nprobe in the index by default, where concurrent searches would overwrite each other's).
"""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unified.errors import MissingExtraError, RetrievalError
from unified.index.backend import NOTHING, Effort, Vectors

Mask = NDArray[np.bool_]
Positions = NDArray[np.int64]

FLAT = "Flat"
# FAISS's guidelines: 30 to 256 training vectors an inverted list. k-means, the longest part of building, is cut short:
# with more vectors and FAISS's ten rounds no more is found at the same nprobe, and what is found is measured anyway.
TRAINING_VECTORS_PER_LIST = 40
ROUNDS = 5
READ_CHUNK = 1 << 20
DERIVED_TABLES = 1 << 24  # bytes: what FAISS derives as it reads a file of few vectors can be longer than the file
_read_limits = threading.Lock()  # FAISS keeps them for the whole process


@cache
def load_faiss() -> Any:
    """The library; MissingExtraError names the extra where it is not installed."""
    try:
        import faiss
    except ImportError as error:
        raise MissingExtraError("faiss", "retrieval") from error
    return faiss


class Ann:
    """Approximate nearest neighbours among vectors that are known by their position, 0 … len - 1.

    `kind` is FAISS's name of the structure ("Flat", "IVF1024,Flat", "IVF4096,PQ64x4fs,RFlat").
    """

    def __init__(self, index: Any, kind: str) -> None:
        self.index, self.kind = index, kind
        self.compressed = kind.endswith("RFlat")
        self.lists = 1 if kind == FLAT else int(self._inverted().nlist)
        self._unfiltered: dict[Effort, Any] = {}  # FAISS only reads them; making one costs as much as checking a query
        if self.lists > 1 and not self.compressed:
            index.make_direct_map()  # where to find the vector of a position

    @classmethod
    def build(cls, vectors: Vectors, kind: str) -> Ann:
        """Train a structure of that kind and fill it with (N, D) vectors of length 1."""
        faiss = load_faiss()
        index = faiss.index_factory(vectors.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
        if kind != FLAT:
            _train(index, vectors)
        index.add(vectors)
        return cls(index, kind)

    @classmethod
    def from_bytes(cls, data: bytes, kind: str) -> Ann:
        """The inverse of `to_bytes`; only for data whose checksum has been compared."""
        faiss = load_faiss()
        with _read_limits:
            if hasattr(faiss, "set_deserialization_vector_byte_limit"):  # no array is longer than the whole file
                faiss.set_deserialization_vector_byte_limit(max(len(data), DERIVED_TABLES))
                faiss.set_deserialization_loop_limit(len(data))
            view, place = memoryview(data), 0

            def read(size: int) -> bytes:
                nonlocal place
                chunk = view[place : place + size]
                place += len(chunk)
                return bytes(chunk)

            try:
                return cls(faiss.read_index(faiss.PyCallbackIOReader(read, READ_CHUNK)), kind)
            except RuntimeError as error:
                raise RetrievalError(f"FAISS cannot read a {kind} index: {str(error).splitlines()[-1]}") from error

    def to_bytes(self) -> memoryview:
        return memoryview(load_faiss().serialize_index(self.index))

    def __len__(self) -> int:
        return int(self.index.ntotal)

    @property
    def dimension(self) -> int:
        return int(self.index.d)

    def search(
        self, queries: Vectors, k: int, effort: Effort, *, among: Mask | None = None
    ) -> tuple[Vectors, Positions]:
        """Cosines and positions (N, k), most similar first, among the positions that `among` allows.

        What was not found has position `NOTHING` and cosine -inf, at the end of a row.
        """
        pointer = load_faiss().swig_ptr
        products, positions = np.empty((len(queries), k), np.float32), np.empty((len(queries), k), np.int64)
        # Not `search`, which checks once more what has been checked, and which `faiss.contrib.torch_utils`, wherever a
        # library imports it, replaces by one that takes no parameters.
        self.index.search_c(
            len(queries), pointer(queries), k, pointer(products), pointer(positions), self.parameters(effort, among)
        )
        return _cosines(products, positions)

    def parameters(self, effort: Effort, among: Mask | None = None) -> Any:
        """FAISS's parameter object for a search."""
        if among is not None:
            return self._parameters(effort, sel=load_faiss().IDSelectorBitmap(np.packbits(among, bitorder="little")))
        if effort not in self._unfiltered:
            self._unfiltered[effort] = self._parameters(effort)
        return self._unfiltered[effort]

    def _parameters(self, effort: Effort, **allowed: Any) -> Any:
        faiss = load_faiss()
        if self.kind == FLAT:
            return faiss.SearchParameters(**allowed)
        lists = faiss.SearchParametersIVF(nprobe=min(effort.nprobe or self.lists, self.lists), **allowed)
        if not self.compressed:
            return lists
        return faiss.IndexRefineSearchParameters(k_factor=float(effort.k_factor or 1), base_index_params=lists)

    def vectors(self, positions: Positions | None = None) -> Vectors:
        """The vectors as they were given, of some positions or of all."""
        if positions is None:
            return np.asarray(self.index.reconstruct_n(0, len(self)), dtype=np.float32)
        return np.asarray(self.index.reconstruct_batch(positions), dtype=np.float32)

    def _inverted(self) -> Any:
        return load_faiss().extract_index_ivf(self.index)


def exact(queries: Vectors, vectors: Vectors, k: int) -> tuple[Vectors, Positions]:
    """Cosines and positions (N, k) by comparing every query with every vector; the truth that recall is measured by."""
    faiss = load_faiss()
    return _cosines(*faiss.knn(queries, vectors, k, metric=faiss.METRIC_INNER_PRODUCT))


def _cosines(products: Vectors, positions: Positions) -> tuple[Vectors, Positions]:
    """Rounding can lift a product of unit vectors above 1; where nothing was found, FAISS gives the least number."""
    np.minimum(products, 1, out=products)
    if min(products[:, -1].tolist(), default=0) < -1:  # a row's last is its least; a list, as most queries come alone
        np.maximum(products, -1, out=products)
        products[positions == NOTHING] = -np.inf
    return products, positions


def _train(index: Any, vectors: Vectors) -> None:
    faiss = load_faiss()
    inverted = faiss.extract_index_ivf(index)
    # The longest part is k-means, which FAISS hands to GPUs where its GPU build is installed.
    on_gpus = faiss.index_cpu_to_all_gpus(faiss.IndexFlatIP(vectors.shape[1])) if faiss.get_num_gpus() else None
    inverted.cp.niter = ROUNDS
    inverted.clustering_index = on_gpus  # not owned by the index: `on_gpus` outlives its use
    index.train(_sample(vectors, inverted.nlist * TRAINING_VECTORS_PER_LIST))
    inverted.clustering_index = None


def _sample(vectors: Vectors, count: int) -> Vectors:
    if len(vectors) <= count:
        return vectors
    chosen = np.random.default_rng(0).choice(len(vectors), count, replace=False)
    return vectors[np.sort(chosen)]
