"""Vectors on their way into an index or a search: of the right shape, finite, and of length 1."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from unified.errors import DataError
from unified.index.backend import Vectors

SMALL, LARGE = 1e-20, 1e30  # between them a sum of squares in float32 has lost nothing


def unit(vectors: ArrayLike, dimension: int) -> Vectors:
    """(N, dimension) numbers as float32 of length 1, so that an inner product is a cosine.

    DataError for another shape, for NaN or infinity, and for a vector of zeros, which has no direction.
    """
    array = _float32(vectors)
    if array.ndim != 2 or array.shape[1] != dimension:
        raise DataError(f"vectors of shape {array.shape}: this index takes (N, {dimension})")
    if len(array) == 1 and SMALL < (square := float(np.vdot(array, array))) < LARGE:  # most queries come alone
        alone: Vectors = array / np.float32(math.sqrt(square))
        return alone
    squares = np.einsum("nd,nd->n", array, array)
    if all(SMALL < square < LARGE for square in squares.tolist()):  # no NaN is
        normed: Vectors = array / np.sqrt(squares)[:, None]
        return normed
    # In float64 the squares of float32 numbers neither overflow nor vanish.
    squares = np.einsum("nd,nd->n", array, array, dtype=np.float64)
    if not np.isfinite(squares).all():
        raise DataError(f"vector {_first(~np.isfinite(squares))} holds NaN or infinity; leave it out")
    if not squares.all():
        raise DataError(f"vector {_first(squares == 0)} is all zeros, and so is similar to nothing; leave it out")
    result: Vectors = np.divide(array, np.sqrt(squares)[:, None], out=np.empty_like(array), casting="same_kind")
    return result


def _float32(vectors: ArrayLike) -> Vectors:
    if isinstance(vectors, np.ndarray) and vectors.dtype == np.float32:
        return np.ascontiguousarray(vectors)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, which is reported
        return np.ascontiguousarray(vectors, dtype=np.float32)


def _first(wrong: np.ndarray) -> str:
    rows = np.flatnonzero(wrong)
    return f"{rows[0]} (counted from 0)" + (f" and {len(rows) - 1} more" if len(rows) > 1 else "")
