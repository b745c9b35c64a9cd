"""The loss of detection: box, objectness and class parts, unweighted (the published code's, from YOLOv5).

    box   1 - CIoU, mean over the positives of a level, summed over levels
    obj   binary cross-entropy over all cells against the CIoU of the predicted box, mean a level, summed with `balance`
    cls   binary cross-entropy over the classes of the positives, mean a level, summed over levels; for K > 1

Letters: B pictures, L levels, A anchors a level, K classes, H W cells of a level, P positives of a level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from unified.errors import ConfigError
from unified.ops.boxes import Overlap, matched_overlap
from unified.ops.floats import at_least_float32
from unified.task import Target

from .assign import Assignment, assign
from .decode import box_in_cells, split_anchors
from .head import BOX, CLASSES
from .pick import pick

# Of the published code, by number of levels, finest first: what the mean over a level's cells counts.
BALANCE = {3: (4.0, 1.0, 0.4), 4: (4.0, 1.0, 0.4, 0.1), 5: (4.0, 1.0, 0.5, 0.4, 0.1)}
FOCAL_ALPHA = 0.25  # arXiv 1708.02002


def level_balance(balance: Sequence[float] | None, levels: int) -> tuple[float, ...]:
    """`balance` checked, or the published one.

    Raises:
        ConfigError: not one number a level, or no published balance for so many levels.
    """
    if balance is None and levels in BALANCE:
        return BALANCE[levels]
    if balance is None:
        raise ConfigError(f"no published balance for {levels} levels, only for 3, 4 and 5; give one number a level")
    if len(balance) != levels:
        raise ConfigError(f"balance has {len(balance)} numbers, but the trunk has {levels} levels; give one a level")
    return tuple(balance)


def scaled_gains(box: float, obj: float, cls: float, *, levels: int, classes: int) -> dict[str, float]:
    """The weights of the parts: gains are stated for 3 levels and 80 classes and scaled to others here, nowhere else.

    The factor 1.4 on objectness from 4 levels on is the published code's.
    """
    scale = 3 / levels
    gains = {"box": box * scale, "obj": obj * scale * (1.4 if levels >= 4 else 1.0)}
    return gains | {"cls": cls * scale * classes / 80} if classes > 1 else gains


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionLoss:
    """(raw maps, target of `target.py`, anchors (L, A, 2) in input pixels) → {"box": ·, "obj": ·, "cls": ·}."""

    strides: Sequence[int]
    balance: Sequence[float]  # weight of each level's objectness, finest first
    anchor_t: float = 4.0
    overlap: Overlap = "ciou"
    gr: float = 1.0  # objectness target of a positive: (1 - gr) + gr · max(overlap, 0)
    label_smoothing: float = 0.0
    focal_gamma: float = 0.0
    ignore_crowd: bool = True  # cells inside a crowd region carry no objectness loss

    def __call__(self, raw: Sequence[Tensor], target: Target, anchors: Tensor) -> dict[str, Tensor]:
        """In float32 at least, whatever autocast says; {} when no picture is labelled."""
        if not target["labelled"].any():
            return {}
        with torch.autocast(raw[0].device.type, enabled=False):
            return self._parts([split_anchors(level, anchors.shape[1]) for level in raw], target, anchors)

    def _parts(self, maps: Sequence[Tensor], target: Target, anchors: Tensor) -> dict[str, Tensor]:
        shapes = [(level.shape[-2], level.shape[-1]) for level in maps]
        assigned = assign(
            target["boxes"], target["image"], anchors, strides=self.strides, shapes=shapes, anchor_t=self.anchor_t
        )
        box, obj, cls = [], [], []
        for i, (level, positives) in enumerate(zip(maps, assigned, strict=True)):
            rows, logits = map(at_least_float32, pick(level, positives.cell))
            predicted = box_in_cells(rows[:, :BOX], anchors[i, positives.anchor] / self.strides[i])
            overlap = matched_overlap(predicted, positives.box, self.overlap)
            box.append(_mean(1 - overlap))
            obj.append(self.balance[i] * self._objectness(logits, positives, overlap.detach(), target, self.strides[i]))
            cls.append(self._classes(rows[:, CLASSES:], target["categories"][positives.object]))
        several = maps[0].shape[2] > CLASSES + 1
        parts = {"box": box, "obj": obj, "cls": cls} if several else {"box": box, "obj": obj}
        return {name: torch.stack(values).sum() for name, values in parts.items()}

    def _objectness(
        self, logits: Tensor, positives: Assignment, overlap: Tensor, target: Target, stride: int
    ) -> Tensor:
        """Mean over the cells of the labelled pictures; `logits` (B, A, H, W), `overlap` (P,)."""
        wanted = (1 - self.gr) + self.gr * overlap.clamp(min=0)
        loss = self._bce(logits, scatter_best(logits, positives, wanted))
        if self.ignore_crowd and len(target["crowd"]):
            inside = cells_inside(target["crowd"], target["crowd_image"], logits, stride)
            inside[positives.cell] = False
            loss = loss.masked_fill(inside, 0)
        labelled = target["labelled"].to(loss.dtype)
        return (loss.mean((1, 2, 3)) * labelled).sum() / labelled.sum()

    def _classes(self, logits: Tensor, categories: Tensor) -> Tensor:
        """`logits` (P, K), `categories` (P,)."""
        wanted = torch.full_like(logits, self.label_smoothing / 2)
        wanted.scatter_(1, categories[:, None], 1 - self.label_smoothing / 2)
        return _mean(self._bce(logits, wanted))

    def _bce(self, logits: Tensor, wanted: Tensor) -> Tensor:
        loss = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
        if not self.focal_gamma:
            return loss
        p = logits.sigmoid()
        alpha = wanted * FOCAL_ALPHA + (1 - wanted) * (1 - FOCAL_ALPHA)
        miss = wanted * (1 - p) + (1 - wanted) * p
        # Kept off zero, where a power below 1 has no gradient.
        return loss * alpha * miss.clamp(min=torch.finfo(miss.dtype).tiny) ** self.focal_gamma


def scatter_best(like: Tensor, positives: Assignment, values: Tensor) -> Tensor:
    """A map of zeros like `like` (B, A, H, W) with the (P,) values at the positives.

    Of several in one cell the best stays. The published code keeps the one written last, which a GPU leaves to chance.
    """
    _, a, h, w = like.shape
    flat = ((positives.image * a + positives.anchor) * h + positives.row) * w + positives.column
    wanted = torch.zeros(like.numel(), dtype=like.dtype, device=like.device)
    return wanted.scatter_reduce_(0, flat, values.to(like.dtype), "amax").view_as(like)


def cells_inside(regions: Tensor, image: Tensor, like: Tensor, stride: int) -> Tensor:
    """(B, A, H, W) bool: the cell's centre is in one of its picture's `regions` (M, 4), xyxy in input pixels."""
    h, w = like.shape[2:]
    x1, y1, x2, y2 = (regions / stride).unbind(1)
    columns = torch.arange(w, device=like.device) + 0.5
    rows = torch.arange(h, device=like.device) + 0.5
    across = (columns > x1[:, None]) & (columns < x2[:, None])  # (M, W)
    down = (rows > y1[:, None]) & (rows < y2[:, None])  # (M, H)
    inside = torch.zeros(like.shape[0], h, w, dtype=torch.int32, device=like.device)
    inside.index_add_(0, image, (down[:, :, None] & across[:, None]).int())
    return (inside > 0)[:, None].repeat(1, like.shape[1], 1, 1)


def _mean(values: Tensor) -> Tensor:
    """0, and part of the graph, for no values."""
    return values.sum() / max(values.numel(), 1)
