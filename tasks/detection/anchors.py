"""Anchors: how well the trunk's fit the boxes of a data set, and new ones where they do not.

A box and an anchor match when neither side differs by the factor `anchor_t` or more; see `assign.py`.
Sizes are (w, h) in input pixels, (N, 2). Letters: L levels, A anchors a level, N boxes.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from unified.data.sample import Record
from unified.errors import ConfigError
from unified.ops.frame import Frame

ENOUGH_RECALL = 0.98  # of the AutoAnchor rule of YOLOv5: below it, anchors are fitted anew
SMALLEST = 2.0  # pixels; the published data pipeline drops smaller boxes
FITTED = 50_000  # boxes that anchors are fitted to, at the most
ROUNDS = 100

log = logging.getLogger(__name__)


def box_sizes(records: Sequence[Record], input_size: int) -> Tensor:
    """(N, 2) sizes of all objects but crowds, each picture letterboxed to a square of `input_size` pixels."""
    sizes = [torch.zeros(0, 2)]
    for record in records:
        if record.labels.objects is None:
            continue
        objects = record.labels.objects.select(~record.labels.objects.crowd)
        boxes = Frame.letterbox(record.size, (input_size, input_size)).to_input(objects.boxes)
        sizes.append((boxes[:, 2:] - boxes[:, :2]).float())
    found = torch.cat(sizes)
    return found[(found >= SMALLEST).all(1)]


def size_ratio(sizes: Tensor, anchors: Tensor) -> Tensor:
    """max(w/aw, aw/w, h/ah, ah/h): (N, 2) with (…, A, 2) → (…, A, N); 1 for equal sizes, inf or nan for empty ones."""
    ratio = sizes / anchors.unsqueeze(-2)
    return torch.maximum(ratio, 1 / ratio).amax(-1)


def choose_anchors(policy: Literal["auto", "trunk", "fit"], anchors: Tensor, sizes: Tensor, anchor_t: float) -> Tensor:
    """The trunk's `anchors` (L, A, 2), or as many fitted to `sizes` (N, 2): see the option `anchors`."""
    if policy == "trunk" or not len(sizes):
        return anchors
    recall = best_possible_recall(sizes, anchors, anchor_t)
    if policy == "auto" and recall >= ENOUGH_RECALL:
        return anchors
    fitted = fit_anchors(sizes, levels=anchors.shape[0], per_level=anchors.shape[1])
    fitted_recall = best_possible_recall(sizes, fitted, anchor_t)
    if policy == "auto" and fitted_recall <= recall:
        return anchors
    log.info("anchors fitted to %d boxes: they match %.4f of them, the trunk's %.4f", len(sizes), fitted_recall, recall)
    return fitted


def best_possible_recall(sizes: Tensor, anchors: Tensor, anchor_t: float) -> float:
    """Share of the boxes that at least one anchor (…, 2) matches; 1 when there are no boxes."""
    if not len(sizes):
        return 1.0
    matched = size_ratio(sizes, anchors.cpu().reshape(-1, 2)) < anchor_t
    return matched.any(0).float().mean().item()


def fit_anchors(sizes: Tensor, levels: int, per_level: int) -> Tensor:
    """(levels, per_level, 2) anchors, smallest first: k-means of (log w, log h), where matching is a distance.

    Deterministic: it starts from evenly spaced quantiles of the area, not from random boxes.
    """
    points = sizes.double().log()
    points = points[points.sum(1).argsort(stable=True)]
    if len(points) > FITTED:  # evenly spaced by area: of two million boxes the recall differs by less than 0.001
        points = points[torch.linspace(0, len(points) - 1, FITTED, dtype=torch.float64).long()]
    count = levels * per_level
    quantiles = (torch.arange(count, dtype=torch.float64) + 0.5) / count * len(points)
    centres = points[quantiles.long()]
    for _ in range(ROUNDS):
        nearest = torch.cdist(points, centres).argmin(1)
        members = torch.zeros(count, dtype=torch.float64).index_add_(0, nearest, torch.ones(len(points)).double())
        means = torch.zeros_like(centres).index_add_(0, nearest, points) / members.clamp(min=1)[:, None]
        moved = torch.where(members[:, None] > 0, means, centres)  # an empty cluster stays where it is
        if torch.equal(moved, centres):
            break
        centres = moved
    centres = centres[centres.sum(1).argsort(stable=True)]
    return centres.exp().view(levels, per_level, 2).float()


def as_tensor(anchors: Sequence[Sequence[tuple[float, float]]], levels: Sequence[str]) -> Tensor:
    """(levels, A, 2) from the lists of a trunk or a config.

    Raises:
        ConfigError: another number of levels than the trunk's, or levels with different numbers of anchors.
    """
    if len(anchors) != len(levels):
        raise ConfigError(f"anchors for {len(anchors)} levels, but the trunk has {len(levels)}: {', '.join(levels)}")
    counts = [len(level) for level in anchors]
    if len(set(counts)) > 1 or not counts[0]:
        raise ConfigError(f"every level needs the same number of anchors, at least one; got {counts}")
    return torch.tensor(anchors, dtype=torch.float32)
