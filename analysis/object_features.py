"""The trunk's features at the centres of the labelled objects, as a task's head sees them before and after its code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unified.data.sample import Batch, network_input
from unified.model.multitask import MultiTaskModel

from .subject import Code

SMALL, LARGE = 32.0**2, 96.0**2  # COCO's limits, in square pixels of the original picture
SIZES = ("small", "medium", "large")
LEAST_SHARE = 0.05  # of the objects that each of COCO's sizes must have, to be told apart by colour


@dataclass(frozen=True, slots=True)
class AtObjects:
    """Features (N, C) of N objects on each level, the objects' sizes (N,), index into `SIZES`, and what sizes mean."""

    features: Mapping[str, Tensor]
    size: Tensor
    limits: str


@torch.inference_mode()
def at_objects(model: MultiTaskModel, strides: Mapping[str, int], batches: Iterable[Batch]) -> AtObjects:
    """Features of the cell that holds an object's centre, on every level, crowds left out."""
    found: dict[str, list[Tensor]] = {level: [] for level in strides}
    areas: list[Tensor] = []
    for batch in batches:
        features = model.trunk(network_input(batch.images, torch.device("cpu")))
        for b, sample in enumerate(batch.samples):
            objects = sample.record.labels.objects
            if objects is None:
                continue
            seen = objects.select(~objects.crowd)
            boxes = sample.frame.to_input(seen.boxes)
            centre = (boxes[:, :2] + boxes[:, 2:]) / 2
            areas.append(seen.area)
            for level, stride in strides.items():
                found[level].append(_cells(features[level][b], centre / stride))
    area = torch.cat(areas) if areas else torch.zeros(0)
    features_of = {level: torch.cat(own) if own else torch.zeros(0, 1) for level, own in found.items()}
    return AtObjects(features_of, *size_classes(area))


def size_classes(area: Tensor) -> tuple[Tensor, str]:
    """COCO's small, medium and large, or the thirds of these objects where nearly all of them are of one size."""
    size = (area >= SMALL).long() + (area >= LARGE).long()
    shares = torch.bincount(size, minlength=len(SIZES)) / max(len(size), 1)
    if not len(area) or float(shares.min()) >= LEAST_SHARE:
        return size, "Sizes are COCO's: areas below 32², up to 96², and above, in pixels of the picture."
    first, second = area.double().quantile(torch.tensor([1 / 3, 2 / 3], dtype=torch.float64)).tolist()
    thirds = (area > first).long() + (area > second).long()
    sides = f"{first**0.5:.0f}² and {second**0.5:.0f}²"
    return (
        thirds,
        f"Sizes are the thirds of these objects, with limits at {sides} pixels: COCO's would leave one nearly empty.",
    )


def _cells(feature: Tensor, centre: Tensor) -> Tensor:
    """(C, H, W) and (N, 2) x, y in cells → (N, C)."""
    _, h, w = feature.shape
    column = centre[:, 0].long().clamp(0, w - 1)
    row = centre[:, 1].long().clamp(0, h - 1)
    return feature[:, row, column].T.float()


@torch.inference_mode()
def before_and_after(features: Tensor, code: Code) -> tuple[Tensor, Tensor]:
    """(N, C) → what the code's operator makes of them with the neutral element, and with the code's value: (N, C')."""
    x = features[:, :, None, None]
    clusters = code.code.channels // features.shape[1]  # a code for every anchor sees the features once for each
    x = x.repeat(1, clusters, 1, 1)
    before = code.code.operator(x, code.code.centre.to(x))
    after = code.code.operator(x, code.code.g().to(x))
    return before[:, :, 0, 0], after[:, :, 0, 0]


def principal_axes(points: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """One PCA over all (N_i, C) points: their mean (C,), the two first axes (C, 2), shares of variance (2,)."""
    together = torch.cat(list(points)).double()
    mean = together.mean(0)
    _, s, v = torch.linalg.svd(together - mean, full_matrices=False)
    share = s.square() / s.square().sum().clamp(min=1e-300)
    pad = max(2 - v.shape[0], 0)  # a single channel, or a single point, has one axis
    axes = torch.cat([v[:2], v.new_zeros(pad, v.shape[1])]).T
    return mean, axes, torch.cat([share[:2], share.new_zeros(pad)])
