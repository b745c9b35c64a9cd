"""The kinds of array that drawing speaks of. Floats are float32 in practice; numpy's annotations lose track of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.floating]
"""(height, width): one number a point or pixel."""

Mask = NDArray[np.bool_]
"""(height, width): whether a point or pixel belongs to something."""

Picture = NDArray[np.floating]
"""(height, width, 3): sRGB in 0..1."""
