"""Labels of a batch as tensors.

    labelled      (B,) bool       the picture's objects are known
    boxes         (N, 4) float32  xyxy in input pixels, crowds and empty boxes left out
    categories    (N,) int64      0..K-1
    image         (N,) int64      the picture of each object, 0..B-1
    crowd         (M, 4) float32  xyxy in input pixels: regions of many objects
    crowd_image   (M,) int64      the picture of each region

Letters: B pictures, N objects, M crowd regions.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from unified.data.sample import Sample
from unified.task import Target


def encode(samples: Sequence[Sample]) -> Target:
    """The keys of the module's docstring; a picture without objects is labelled, one whose objects are None is not."""
    labelled = [sample.labels.objects is not None for sample in samples]
    boxes, categories, image = [torch.zeros(0, 4)], [torch.zeros(0).long()], [torch.zeros(0).long()]
    crowd, crowd_image = [torch.zeros(0, 4)], [torch.zeros(0).long()]
    for b, sample in enumerate(samples):
        objects = sample.labels.objects
        if objects is None:
            continue
        corners = objects.boxes.as_subclass(Tensor).float()
        full = (corners[:, 2:] > corners[:, :2]).all(1)
        keep, region = full & ~objects.crowd, full & objects.crowd
        boxes.append(corners[keep])
        categories.append(objects.categories[keep])
        image.append(torch.full_like(categories[-1], b))
        crowd.append(corners[region])
        crowd_image.append(torch.full((len(crowd[-1]),), b))
    return {
        "labelled": torch.tensor(labelled, dtype=torch.bool),
        "boxes": torch.cat(boxes),
        "categories": torch.cat(categories),
        "image": torch.cat(image),
        "crowd": torch.cat(crowd),
        "crowd_image": torch.cat(crowd_image),
    }
