"""Frame: the affine map between a picture and the network's input.

Every coordinate that leaves the network comes back to original pixels through here, and nowhere else.
Points are (x, y) in pixels, the top-left corner of the top-left pixel being (0, 0).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

Matrix = tuple[tuple[float, float, float], tuple[float, float, float]]
Size = tuple[int, int]  # width, height


@dataclass(frozen=True, slots=True)
class Frame:
    """`input = matrix @ (x, y, 1)` for a point (x, y) of the original picture.

    `image_size` and `input_size` are (width, height) in pixels.
    """

    matrix: Matrix
    image_size: Size
    input_size: Size

    @classmethod
    def identity(cls, size: Size) -> Frame:
        """The picture is the input."""
        return cls(((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)), size, size)

    @classmethod
    def letterbox(cls, image_size: Size, input_size: Size, *, enlarge: bool = True) -> Frame:
        """Scale by one factor until the picture just fits, and centre it.

        With `enlarge=False` a picture smaller than the input keeps its size.
        """
        (w, h), (in_w, in_h) = image_size, input_size
        scale = min(in_w / w, in_h / h)
        if not enlarge:
            scale = min(scale, 1.0)
        # Whole-pixel borders: the resampled picture then starts on a pixel, and drawing equals mapping.
        new_w, new_h = max(round(w * scale), 1), max(round(h * scale), 1)
        left, top = (in_w - new_w) // 2, (in_h - new_h) // 2
        return cls(((new_w / w, 0.0, float(left)), (0.0, new_h / h, float(top))), image_size, input_size)

    def then(self, matrix: Matrix, input_size: Size) -> Frame:
        """This frame followed by another affine map of the input."""
        a, b = np.vstack([matrix, (0, 0, 1)]), np.vstack([self.matrix, (0, 0, 1)])
        rows = (a @ b)[:2].tolist()
        return Frame((tuple(rows[0]), tuple(rows[1])), self.image_size, input_size)

    def to_input(self, boxes: Tensor) -> Tensor:
        """Boxes (N, 4) x1 y1 x2 y2 of the picture → enclosing boxes in the input, not clipped."""
        return _map_boxes(boxes, np.asarray(self.matrix))

    def to_image(self, boxes: Tensor, *, clip: bool = True) -> Tensor:
        """Boxes (N, 4) x1 y1 x2 y2 of the input → enclosing boxes in the picture, clipped to it unless told not to."""
        inverse = np.linalg.inv(np.vstack([self.matrix, (0, 0, 1)]))[:2]
        mapped = _map_boxes(boxes, inverse)
        if not clip:
            return mapped
        w, h = self.image_size
        limit = mapped.new_tensor([w, h, w, h])
        return torch.minimum(mapped.clamp(min=0), limit)

    def content(self) -> tuple[float, float, float, float]:
        """The picture's own area x1 y1 x2 y2 within the input, in input pixels."""
        w, h = self.image_size
        x1, y1, x2, y2 = self.to_input(torch.tensor([[0.0, 0.0, w, h]], dtype=torch.float64))[0].tolist()
        return x1, y1, x2, y2


def _map_boxes(boxes: Tensor, matrix: np.ndarray) -> Tensor:
    m = torch.as_tensor(matrix, dtype=torch.float64)  # on the CPU: not every device has float64
    x1, y1, x2, y2 = boxes.as_subclass(Tensor).cpu().double().unbind(-1)
    corners = torch.stack(
        [torch.stack([x1, y1], -1), torch.stack([x2, y1], -1), torch.stack([x2, y2], -1), torch.stack([x1, y2], -1)], -2
    )  # (N, 4, 2)
    mapped = corners @ m[:, :2].T + m[:, 2]
    dtype = boxes.dtype if boxes.is_floating_point() else torch.float32
    return torch.cat([mapped.amin(-2), mapped.amax(-2)], -1).to(dtype).to(boxes.device)
