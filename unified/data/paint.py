"""Put a picture onto a canvas under an affine map: only the pixels that are seen get computed.

The usual way, also of the published YOLOR code, pastes four pictures onto a canvas of twice the size and warps that.
Without rotation and shear a picture lands on an upright rectangle, and one crop-and-resize of what is seen is enough.

Pictures and canvases are tensors (H, W, 3), uint8 RGB.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from unified.data.picture import GREY, pixels_of

Matrix = NDArray[np.float64]  # (3, 3), homogeneous: (x, y, 1) of the picture → of the canvas, pixels
Box = tuple[float, float, float, float]  # x1 y1 x2 y2, pixels


def paint(canvas: Tensor, picture: Tensor, matrix: Matrix, visible: Box) -> None:
    """Draw the part `visible` of the picture (in its own pixels) onto the canvas, resampled bilinearly.

    Without rotation and shear it lands on whole pixels of the canvas, by less than half a pixel beside its true place.
    """
    if is_upright(matrix):
        _paint_upright(canvas, picture, matrix, visible)
    else:
        _paint_turned(canvas, picture, matrix, visible)


def blank(size: tuple[int, int]) -> Tensor:
    """A canvas of `size` (width, height) in the colour that stands for "no picture here"."""
    return torch.full((size[1], size[0], 3), GREY, dtype=torch.uint8)


def is_upright(matrix: Matrix) -> bool:
    """Scales and moves, but neither turns, slants nor mirrors."""
    (a, b, _), (c, d, _) = matrix[:2].tolist()
    return bool(b == 0 and c == 0 and a > 0 and d > 0)


def resize(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """The picture with `size` (width, height) pixels: bilinear, and averaged where it shrinks."""
    # In this order of axes a contiguous picture counts as channels last, for which torch has vectorised 8-bit kernels.
    batch = picture.contiguous().unsqueeze(0).permute(0, 3, 1, 2)
    return F.interpolate(batch, size=size[::-1], mode="bilinear", antialias=True).permute(0, 2, 3, 1).squeeze(0)


def _paint_upright(canvas: Tensor, picture: Tensor, matrix: Matrix, visible: Box) -> None:
    (a, _, left), (_, d, top) = matrix[:2].tolist()
    (height, width, _), (rows, columns, _) = canvas.shape, picture.shape
    across = _fit_axis(visible[0], min(visible[2], columns), a, left, width)
    down = _fit_axis(visible[1], min(visible[3], rows), d, top, height)
    if across is None or down is None:
        return
    (x, u, across_u, across_x), (y, v, down_v, down_y) = across, down
    part = resize(picture[v, u], (across_u, down_v))
    canvas[y, x] = part[down_y, across_x]


def _fit_axis(low: float, high: float, scale: float, shift: float, room: int) -> tuple[slice, slice, int, slice] | None:
    """Where low..high of the picture goes along one axis of a canvas with `room` pixels; None where it is not seen.

    Gives the pixels of the canvas, those of the picture that cover them, how many pixels these become, and which of
    them are wanted. All are whole: both ends are rounded to the canvas, and what lies between them follows.
    """
    start, stop = (min(max(math.floor(end * scale + shift + 0.5), 0), room) for end in (low, high))
    if stop <= start:
        return None
    first = math.floor(max((start - shift) / scale, low))
    last = math.ceil(min((stop - shift) / scale, high))
    begin, end = (math.floor(edge * scale + shift + 0.5) for edge in (first, last))
    return slice(start, stop), slice(first, last), end - begin, slice(start - begin, stop - begin)


def _paint_turned(canvas: Tensor, picture: Tensor, matrix: Matrix, visible: Box) -> None:
    x1, y1, x2, y2 = visible
    corners = matrix[:2] @ np.array([[x1, x2, x2, x1], [y1, y1, y2, y2], [1, 1, 1, 1]])
    left, top = np.maximum(np.floor(corners.min(1)), 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(corners.max(1)), canvas.shape[1::-1]).astype(int).tolist()
    if right <= left or bottom <= top:
        return
    shifted = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]]) @ matrix
    back = tuple(np.linalg.inv(shifted)[:2].ravel().tolist())
    source = Image.fromarray(picture.numpy())
    seen = Image.new("L", source.size)
    seen.paste(255, (math.ceil(x1), math.ceil(y1), math.floor(x2), math.floor(y2)))
    size = (right - left, bottom - top)
    part, mask = (
        layer.transform(size, Image.Transform.AFFINE, back, Image.Resampling.BILINEAR) for layer in (source, seen)
    )
    ground = canvas[top:bottom, left:right]
    ground[:] = pixels_of(Image.composite(part, Image.fromarray(ground.numpy()), mask))
