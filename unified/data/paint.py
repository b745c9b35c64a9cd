"""Put a picture onto a canvas under an affine map: only the pixels that are seen get computed.

The usual way, also of the published YOLOR code, pastes four pictures onto a canvas of twice the size and warps that.
Without rotation and shear a picture lands on an upright rectangle, and one crop-and-resize of what is seen is enough.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Matrix = NDArray[np.float64]  # (3, 3), homogeneous: (x, y, 1) of the picture → of the canvas, pixels
Box = tuple[float, float, float, float]  # x1 y1 x2 y2, pixels


def paint(canvas: Image.Image, picture: Image.Image, matrix: Matrix, visible: Box) -> None:
    """Draw the part `visible` of the picture (in its own pixels) onto the canvas, resampled bilinearly."""
    if is_upright(matrix):
        _paint_upright(canvas, picture, matrix, visible)
    else:
        _paint_turned(canvas, picture, matrix, visible)


def is_upright(matrix: Matrix) -> bool:
    """Scales and moves, but neither turns, slants nor mirrors."""
    (a, b, _), (c, d, _) = matrix[:2].tolist()
    return bool(b == 0 and c == 0 and a > 0 and d > 0)


def _paint_upright(canvas: Image.Image, picture: Image.Image, matrix: Matrix, visible: Box) -> None:
    scale, shift = matrix[[0, 1], [0, 1]], matrix[:2, 2]
    corners = np.array(visible).reshape(2, 2)
    low, high = np.clip(np.floor(corners * scale + shift + 0.5), 0, canvas.size)
    if (high <= low).any():
        return
    # Whole pixels of the canvas, mapped back; at the rim they may reach out of the picture by less than one.
    box = ((np.stack([low, high]) - shift) / scale).clip(corners[0], corners[1])
    if (box[1] <= box[0]).any():
        return
    left, top = low.astype(int).tolist()
    width, height = (high - low).astype(int).tolist()
    part = picture.resize((width, height), Image.Resampling.BILINEAR, box=tuple(box.ravel().tolist()))
    canvas.paste(part, (left, top))


def _paint_turned(canvas: Image.Image, picture: Image.Image, matrix: Matrix, visible: Box) -> None:
    x1, y1, x2, y2 = visible
    corners = matrix[:2] @ np.array([[x1, x2, x2, x1], [y1, y1, y2, y2], [1, 1, 1, 1]])
    left, top = np.maximum(np.floor(corners.min(1)), 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(corners.max(1)), canvas.size).astype(int).tolist()
    if right <= left or bottom <= top:
        return
    shifted = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]]) @ matrix
    back = tuple(np.linalg.inv(shifted)[:2].ravel().tolist())
    seen = Image.new("L", picture.size)
    seen.paste(255, (math.ceil(x1), math.ceil(y1), math.floor(x2), math.floor(y2)))
    size = (right - left, bottom - top)
    part, mask = (
        layer.transform(size, Image.Transform.AFFINE, back, Image.Resampling.BILINEAR) for layer in (picture, seen)
    )
    canvas.paste(part, (left, top), mask)
