"""The random maps of augmentation, and what they do to labels.

Ranges and thresholds are those of the published YOLOR recipe: an affine map about the centre, gains of hue, saturation
and value, flips. All that is random comes from the generator that is passed in.
"""

from __future__ import annotations

import math
import re

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from unified.data.annotations import Rows
from unified.data.paint import Box, Matrix, is_upright
from unified.data.picture import pixels_of

# An object is kept if enough of it is still seen: thresholds of the published code.
LEAST_SIDE = 2.0  # pixels of the input
LEAST_SHARE = 0.1  # of its area before it was cut
MOST_ASPECT = 20.0

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


def random_affine(
    rng: np.random.Generator,
    size: int,
    centre: tuple[float, float],
    *,
    degrees: float,
    translate: float,
    scale: float,
    shear: float,
) -> Matrix:
    """A map that brings `centre` near the middle of a square of `size` pixels.

    Rotates within ±`degrees`, scales by 1 ± `scale`, shears within ±`shear` degrees, moves within ±`translate`·size.
    """
    angle, shear_x, shear_y = np.radians(rng.uniform(-1, 1, 3) * (degrees, shear, shear))
    factor = rng.uniform(1 - scale, 1 + scale)
    to_x, to_y = rng.uniform(0.5 - translate, 0.5 + translate, 2) * size
    cos, sin = factor * math.cos(angle), factor * math.sin(angle)
    away = np.array([[1, 0, -centre[0]], [0, 1, -centre[1]], [0, 0, 1]])
    turn = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    slant = np.array([[1, math.tan(shear_x), 0], [math.tan(shear_y), 1, 0], [0, 0, 1]])
    back = np.array([[1, 0, to_x], [0, 1, to_y], [0, 0, 1]])
    matrix: Matrix = back @ slant @ turn @ away
    return matrix


def map_boxes(boxes: NDArray[np.float64], matrix: Matrix) -> NDArray[np.float64]:
    """(N, 4) x1 y1 x2 y2 → the upright boxes that enclose their images."""
    if is_upright(matrix):
        (a, _, x), (_, d, y) = matrix[:2].tolist()
        moved: NDArray[np.float64] = boxes * (a, d, a, d) + (x, y, x, y)
        return moved
    x, y = boxes[:, [0, 2, 2, 0]], boxes[:, [1, 1, 3, 3]]
    u = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]
    v = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]
    return np.stack([u.min(1), v.min(1), u.max(1), v.max(1)], 1)


def place(rows: Rows, matrix: Matrix, visible: Box, size: int) -> Rows:
    """The objects of a picture after `matrix`, cut to its `visible` part and the canvas; those hardly seen left out.

    Of a crowd region every part counts: what stands in it is unlabelled, however little of the region is seen.
    """
    if not len(rows):
        return rows
    whole = map_boxes(rows.boxes, matrix)
    seen = map_boxes(rows.boxes.clip(visible[:2] * 2, visible[2:] * 2), matrix).clip(0, size)
    crowd = rows.crowd & (seen[:, 2:] > seen[:, :2]).all(1)
    return rows.at(seen)[_still_visible(whole, seen) | crowd]


def _still_visible(whole: NDArray[np.float64], seen: NDArray[np.float64]) -> NDArray[np.bool_]:
    sides = seen[:, 2:] - seen[:, :2]
    short, long = sides.min(1), sides.max(1)
    share = sides.prod(1) / (whole[:, 2:] - whole[:, :2]).prod(1)
    kept: NDArray[np.bool_] = (short > LEAST_SIDE) & (share > LEAST_SHARE) & (long < MOST_ASPECT * short)
    return kept


def jitter_colour(picture: Tensor, rng: np.random.Generator, *, hue: float, saturation: float, value: float) -> Tensor:
    """Turn hues by up to ±`hue` of the circle; scale saturation by 1 ± `saturation` and value by 1 ± `value`.

    The picture (H, W, 3) is uint8 RGB. Each pixel p becomes (1 + v)·(g + (1 + s)·R·(p - g)), clipped to 0..255: g is
    its grey (BT.601 luma, in all channels), R the turn about the grey axis by 2π·h. One linear map of RGB: an
    approximation of the way through HSV, at a tenth of its cost.
    """
    turn, gain, light = rng.uniform(-1, 1, 3) * (2 * math.pi * hue, saturation, value)
    grey = np.tile(_LUMA, (3, 1))
    axis = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)  # generator of turns about (1, 1, 1)
    rotation = np.eye(3) + math.sin(turn) * axis + (1 - math.cos(turn)) * axis @ axis
    matrix = (1 + light) * (grey + (1 + gain) * rotation @ (np.eye(3) - grey))
    coefficients = tuple(value for row in matrix.tolist() for value in (*row, 0.0))
    return pixels_of(Image.fromarray(picture.numpy()).convert("RGB", coefficients))


def flip_boxes(boxes: NDArray[np.float64], size: int, *, horizontal: bool) -> NDArray[np.float64]:
    """Mirror left and right (`horizontal`) or top and bottom of a square of `size` pixels."""
    low, high = (0, 2) if horizontal else (1, 3)
    flipped: NDArray[np.float64] = boxes.copy()
    flipped[:, low], flipped[:, high] = size - boxes[:, high], size - boxes[:, low]
    return flipped


def mirror_caption(caption: str) -> str:
    """The caption of the mirrored picture: "left" and "right" change places."""
    return re.sub(r"\b(left|right)\b", _other_side, caption, flags=re.IGNORECASE)


def _other_side(match: re.Match[str]) -> str:
    word = match[0]
    other = "right" if word.lower() == "left" else "left"
    return other.upper() if word.isupper() else other.capitalize() if word[0].isupper() else other
