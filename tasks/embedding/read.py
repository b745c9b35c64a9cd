"""Vectors out of the embedding map: position-sensitive pooling over a box (R-FCN, arXiv 1605.06409), then length 1.

With `grid` = k the D channels are k² groups of D/k², and group (i, j) is averaged over part (i, j) of the box: the
vector knows where in the box something is, without a parameter more. k = 1 is the plain mean over the box.

Letters: B pictures, N boxes, D channels, H W cells of the map.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import ps_roi_align


def read_vectors(maps: Tensor, boxes: Tensor, image: Tensor, *, stride: int, grid: int) -> Tensor:
    """(B, D, H, W) at boxes (N, 4) xyxy in input pixels of the pictures `image` (N,) → (N, D) float32, of length 1."""
    maps = maps.to(torch.promote_types(maps.dtype, torch.float32))
    rois = torch.cat([image[:, None].to(maps), boxes.to(maps)], 1)
    parts: Tensor = ps_roi_align(maps, rois, grid, spatial_scale=1 / stride)  # (N, D/k², k, k)
    return F.normalize(parts.flatten(1), dim=1)


def jittered(boxes: Tensor, amount: float) -> Tensor:
    """Boxes (N, 4) xyxy whose edges are each moved at random by up to `amount` of the box's side."""
    sides = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    return boxes + (2 * torch.rand_like(boxes) - 1) * amount * sides
