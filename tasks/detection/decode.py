"""Raw maps → detections in original pixels.

    bx = (2σ(tx) - 0.5 + column) · stride      bw = (2σ(tw))² · aw      score_k = σ(to) · σ(t_k)

and likewise y and h; σ is the sigmoid.
Letters: B pictures, L levels, A anchors a level, K classes, H W cells of a level, N boxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unified.data.sample import Taxonomy
from unified.ops.boxes import cxcywh_to_xyxy, suppress
from unified.ops.floats import at_least_float32
from unified.ops.frame import Frame

from .head import BOX, CLASSES, OBJECTNESS
from .result import Detections


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What is kept. The defaults are those of the COCO evaluation of the published code."""

    score: float = 0.001  # objectness, and every score, must be above
    iou: float = 0.65  # of suppression within a class
    max_detections: int = 300  # a picture
    candidates: int = 30_000  # a picture, before suppression: bounds time and memory of an untrained head

    def but(self, *, score: float | None, iou: float | None, max_detections: int | None) -> Thresholds:
        """These, with those changed that are not None."""
        return Thresholds(
            self.score if score is None else score,
            self.iou if iou is None else iou,
            self.max_detections if max_detections is None else max_detections,
            self.candidates,
        )


def split_anchors(level: Tensor, anchors: int) -> Tensor:
    """(B, A·(5+K), H, W) → (B, A, 5+K, H, W), a view."""
    b, _, h, w = level.shape
    return level.view(b, anchors, -1, h, w)


def box_in_cells(raw: Tensor, anchors: Tensor) -> Tensor:
    """Raw (…, 4) and anchors (…, 2) in cells → cxcywh in cells, the centre relative to its cell's top-left corner."""
    s = raw.sigmoid()
    return torch.cat([2 * s[..., :2] - 0.5, (2 * s[..., 2:]) ** 2 * anchors], -1)


def decode_maps(raw: Sequence[Tensor], anchors: Tensor, strides: Sequence[int]) -> Tensor:
    """Raw maps of all levels → (B, N, 5+K): cxcywh in input pixels, objectness and class probabilities.

    `anchors` (L, A, 2) in input pixels. N counts level, anchor, row, column, in this order. For export, as no shape
    depends on values; `detect` decodes only what it needs.
    """
    decoded = []
    for level, sizes, stride in zip(raw, anchors, strides, strict=True):
        maps = at_least_float32(split_anchors(level, len(sizes))).permute(0, 1, 3, 4, 2)  # (B, A, H, W, 5+K)
        h, w = maps.shape[2:4]
        rows = torch.arange(h, device=level.device, dtype=maps.dtype)
        columns = torch.arange(w, device=level.device, dtype=maps.dtype)
        corner = torch.stack([columns.expand(h, w), rows[:, None].expand(h, w)], -1)  # (H, W, 2) x, y
        box = box_in_cells(maps[..., :BOX], (sizes / stride)[:, None, None])
        centre = box[..., :2] + corner
        parts = [centre * stride, box[..., 2:] * stride, maps[..., BOX:].sigmoid()]
        decoded.append(torch.cat(parts, -1).flatten(1, 3))
    return torch.cat(decoded, 1)


@torch.no_grad()
def detect(
    raw: Sequence[Tensor],
    anchors: Tensor,
    strides: Sequence[int],
    frames: Sequence[Frame],
    taxonomy: Taxonomy,
    thresholds: Thresholds,
) -> list[Detections]:
    """Raw maps of all levels → one result a picture, best first, in original pixels and clipped to the picture.

    With several classes one box may be detected as each of them ("multi-label").
    """
    levels = zip(raw, anchors, strides, strict=True)
    found = [_promising(level, sizes, stride, thresholds.score) for level, sizes, stride in levels]
    image, rows = torch.cat([i for i, _ in found]), torch.cat([r for _, r in found])
    return [_select(rows[image == b], frame, taxonomy, thresholds) for b, frame in enumerate(frames)]


def _promising(level: Tensor, sizes: Tensor, stride: int, score: float) -> tuple[Tensor, Tensor]:
    """Picture (N,) and decoded row (N, 5+K) of the few cells whose objectness is above `score`; cf. `decode_maps`."""
    maps = split_anchors(level, len(sizes))
    sure = at_least_float32(maps[:, :, OBJECTNESS]).sigmoid() > score
    image, anchor, row, column = sure.nonzero(as_tuple=True)
    rows = at_least_float32(maps[image, anchor, :, row, column])
    box = box_in_cells(rows[:, :BOX], sizes[anchor] / stride)
    centre = box[:, :2] + torch.stack([column, row], 1)
    return image, torch.cat([centre * stride, box[:, 2:] * stride, rows[:, BOX:].sigmoid()], 1)


def _select(rows: Tensor, frame: Frame, taxonomy: Taxonomy, limits: Thresholds) -> Detections:
    scores = class_scores(rows)  # (N, K)
    row, label = (scores > limits.score).nonzero(as_tuple=True)
    score = scores[row, label]
    if len(score) > limits.candidates:
        score, best = score.topk(limits.candidates)
        row, label = row[best], label[best]
    boxes = cxcywh_to_xyxy(rows[row, :BOX])
    kept = suppress(boxes, score, label, limits.iou)
    found = frame.to_image(boxes[kept])
    visible = (found[:, 2:] > found[:, :2]).all(1).nonzero().flatten()  # not wholly in the grey border
    visible = visible[: limits.max_detections]
    kept = kept[visible]
    return Detections.of(found[visible], score[kept], label[kept], taxonomy)


def class_scores(decoded: Tensor) -> Tensor:
    """(…, 5+K) → (…, K). With a single class the objectness says it all, and the class logit is not trained."""
    if decoded.shape[-1] == CLASSES + 1:
        return decoded[..., OBJECTNESS:CLASSES]
    return decoded[..., OBJECTNESS:CLASSES] * decoded[..., CLASSES:]
