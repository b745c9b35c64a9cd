"""What the alignment codes are given at the centres of the labelled objects, and what they make of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from unified.data.sample import Batch, network_input
from unified.model.multitask import MultiTaskModel

from .subject import Code

SMALL, LARGE = 32.0**2, 96.0**2  # COCO's limits, in square pixels of the original picture
SIZES = ("small", "medium", "large")
LEAST_SHARE = 0.05  # of the objects that each of COCO's sizes must have, to be told apart by colour


@dataclass(frozen=True, slots=True)
class AtObjects:
    """Features (N, C) of N objects by name of the code, the objects' sizes (N,), index into `SIZES`, what sizes mean.

    Codes of one level have the same features where their tasks read the trunk's, others where a task has layers of its
    own before its code.
    """

    features: Mapping[str, Tensor]
    size: Tensor
    limits: str


@torch.inference_mode()
def at_objects(model: MultiTaskModel, codes: Sequence[Code], batches: Iterable[Batch]) -> AtObjects:
    """What each code is given in the cell that holds an object's centre, crowds left out."""
    found: dict[str, list[Tensor]] = {code.name: [] for code in codes}
    areas: list[Tensor] = []
    for batch in batches:
        given = _given(model, codes, network_input(batch.images, torch.device("cpu")))
        side = torch.tensor([batch.images.shape[3], batch.images.shape[2]])
        for b, sample in enumerate(batch.samples):
            objects = sample.record.labels.objects
            if objects is None:
                continue
            seen = objects.select(~objects.crowd)
            boxes = sample.frame.to_input(seen.boxes)
            centre = (boxes[:, :2] + boxes[:, 2:]) / 2
            areas.append(seen.area)
            for name, feature in given.items():
                found[name].append(_cells(feature[b], centre, side))
    area = torch.cat(areas) if areas else torch.zeros(0)
    features_of = {name: torch.cat(own) if own else torch.zeros(0, 1) for name, own in found.items()}
    return AtObjects(features_of, *size_classes(area))


def _given(model: MultiTaskModel, codes: Sequence[Code], images: Tensor) -> dict[str, Tensor]:
    """The features (B, C, H, W) that the convolution of each code gets for these images, by the code's name."""
    with _inputs({code.name: _owner(model, code) for code in codes}) as seen:
        features = model.trunk(images)
        for task in dict.fromkeys(code.task for code in codes):
            model.task(task)(features)
    return seen


def _owner(model: MultiTaskModel, code: Code) -> nn.Module:
    """The module that lays the code over its input; the code itself where a task has its own way of using it."""
    return next((module for module in model.modules() if getattr(module, "align", None) is code.code), code.code)


@contextmanager
def _inputs(modules: Mapping[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """What the modules are called with while this lasts: their first argument, by name."""
    seen: dict[str, Tensor] = {}

    def watch(name: str, module: nn.Module) -> RemovableHandle:
        def keep(module: nn.Module, given: tuple[Tensor, ...]) -> None:
            seen[name] = given[0]

        return module.register_forward_pre_hook(keep)

    handles = [watch(name, module) for name, module in modules.items()]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def sharing(found: AtObjects, codes: Sequence[Code]) -> list[list[Code]]:
    """The codes, those together that are on one level and given the same features."""
    groups: list[list[Code]] = []
    for code in codes:
        own = found.features[code.name]
        for group in groups:
            if group[0].level == code.level and torch.equal(found.features[group[0].name], own):
                group.append(code)
                break
        else:
            groups.append([code])
    return groups


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


def _cells(feature: Tensor, centre: Tensor, side: Tensor) -> Tensor:
    """(C, H, W), and (N, 2) x, y in an input of `side` (2,) width and height → (N, C)."""
    _, h, w = feature.shape
    cell = (centre * torch.tensor([w, h]) / side).long()
    column, row = cell[:, 0].clamp(0, w - 1), cell[:, 1].clamp(0, h - 1)
    return feature[:, row, column].T.float()


@torch.inference_mode()
def before_and_after(features: Tensor, code: Code) -> tuple[Tensor, Tensor]:
    """(N, C) → what the code's operator makes of them with the neutral element, and with the code's value: (N, C')."""
    x = features[:, :, None, None]
    # A code for every anchor sees the features once for each, and has no other reason to be wider than they are.
    clusters, rest = divmod(code.code.channels, features.shape[1])
    assert not rest, f"{code.name}: {code.code.channels} channels on features of {features.shape[1]}"
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
