"""Which objects are the same: labels → boxes with numbers, equal numbers meaning the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from unified.data.sample import Objects, Sample
from unified.task import Target

Kind = Literal["identity", "category", "self"]


def same_as(objects: Objects, kind: Kind) -> Tensor:
    """(N,) int64: equal = the same; negative = unknown, crowds among them."""
    numbers = {"identity": objects.identities, "category": objects.categories, "self": objects.instances}[kind]
    return torch.where(objects.crowd, -1, numbers)


def encode(samples: Sequence[Sample], kind: Kind) -> Target:
    """{"labelled": (B,) bool, "boxes": (N, 4) xyxy in input pixels, "image": (N,) int64, "same": (N,) int64 ≥ 0}.

    Objects of unknown number are left out. A picture is labelled if at least one of its objects is left.
    """
    boxes, image, same = [torch.zeros(0, 4)], [torch.zeros(0, dtype=torch.long)], [torch.zeros(0, dtype=torch.long)]
    for b, sample in enumerate(samples):
        objects = sample.labels.objects
        if objects is None:
            continue
        numbers = same_as(objects, kind)
        known = numbers >= 0
        boxes.append(objects.boxes.as_subclass(Tensor)[known].float())
        image.append(torch.full((int(known.sum()),), b))
        same.append(numbers[known])
    labelled = torch.zeros(len(samples), dtype=torch.bool)
    labelled[torch.cat(image)] = True
    return {"labelled": labelled, "boxes": torch.cat(boxes), "image": torch.cat(image), "same": torch.cat(same)}
