"""What a query is made of, as people write it: a box, a vector in a file."""

from __future__ import annotations

import json
import tokenize
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from unified.data.paths import missing
from unified.errors import ConfigError, DataError
from unified.index.backend import Vectors

Box = tuple[float, float, float, float]

# What NumPy and JSON raise on files of something else; the second line comes of damaged heads, and of endless nesting.
_DAMAGE = (
    *(OSError, ValueError, TypeError, EOFError, OverflowError, zipfile.BadZipFile),
    *(SyntaxError, tokenize.TokenError, MemoryError, RecursionError),
)


def read_box(text: str) -> Box:
    """ "40,60,120.5,90" → (x, y, w, h). ConfigError for anything but four numbers."""
    try:
        x, y, w, h = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(
            f"{text!r} is no box; write X,Y,W,H in pixels of the picture, such as 40,60,120,90"
        ) from error
    return x, y, w, h


def read_vector(path: Path) -> Vectors:
    """(1, D) from a .npy file or a JSON list of numbers. DataError for anything but one row of numbers."""
    wanted = "a vector is one row of numbers, in a .npy file or as a JSON list"
    kind = ".npy file" if path.suffix == ".npy" else "JSON list"
    try:
        vector = _numbers(path)
    except FileNotFoundError as error:
        raise missing(path, "vector") from error
    except _DAMAGE as error:
        raise DataError(f"{path}: cannot be read as a {kind} of real numbers; {wanted}") from error
    if vector.ndim not in (1, 2) or (vector.ndim == 2 and len(vector) != 1):
        raise DataError(f"{path}: numbers of shape {vector.shape}; {wanted}")
    return vector.reshape(1, -1)


def _numbers(path: Path) -> Vectors:
    """TypeError for what is not real numbers: float32 would take a part of complex ones, and read text as numbers."""
    if path.suffix == ".npy":
        with path.open("rb") as file:
            raw: Any = np.load(file, allow_pickle=False)
    else:
        raw = np.asarray(json.loads(path.read_bytes()))
    if not isinstance(raw, np.ndarray) or raw.dtype.kind not in "biuf":
        raise TypeError("no array of real numbers")
    return raw.astype(np.float32)
