"""What a query is made of, as people write it: a box, a vector in a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from unified.data.paths import missing
from unified.errors import ConfigError, DataError
from unified.index.backend import Vectors

Box = tuple[float, float, float, float]


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
    try:
        raw = np.load(path, allow_pickle=False) if path.suffix == ".npy" else json.loads(path.read_bytes())
        vector = np.asarray(raw, dtype=np.float32)
    except FileNotFoundError as error:
        raise missing(path, "vector") from error
    except (ValueError, TypeError, EOFError) as error:
        raise DataError(f"{path}: cannot be read ({' '.join(str(error).split())[:100]}); {wanted}") from error
    if vector.ndim not in (1, 2) or (vector.ndim == 2 and len(vector) != 1):
        raise DataError(f"{path}: numbers of shape {vector.shape}; {wanted}")
    return vector.reshape(1, -1)
