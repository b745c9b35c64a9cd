"""Detection: boxes, scores and classes of the objects of a picture, by anchors on the trunk's levels.

The head, loss and evaluation of YOLOR (arXiv 2105.04206), with implicit codes before and after the prediction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from unified.data.sample import Record, Sample, Taxonomy
from unified.errors import CheckpointError, ConfigError
from unified.model.implicit import ImplicitCode
from unified.ops.frame import Frame
from unified.task import Features, Levels, Output, Target, Task

from .anchors import as_tensor, box_sizes, choose_anchors
from .decode import Thresholds, detect
from .head import Head, outputs
from .loss import DetectionLoss, level_balance, scaled_gains
from .metric import CocoMetric
from .options import Options
from .perfect import perfect_maps
from .result import Detections
from .score_files import score_files
from .target import encode

__all__ = ["Detection", "Detections", "Options", "score_files", "task"]


def task(levels: Levels, taxonomy: Taxonomy, **options: Any) -> Detection:
    """Detection behind a trunk with these levels, of the classes of `taxonomy`."""
    return Detection(levels, taxonomy, Options.model_validate(options))


class Detection(Task):
    """Raw output: a list of (B, A·(5+K), H, W), one a level, finest first; A anchors, K classes."""

    name = "detection"
    fitness = MappingProxyType({"AP": 0.9, "AP50": 0.1})  # of the published code
    anchors: Tensor  # (L, A, 2) w, h in input pixels

    def __init__(self, levels: Levels, taxonomy: Taxonomy, options: Options) -> None:
        super().__init__()
        if not len(taxonomy):
            raise ConfigError("detection needs at least one category, and the data set names none")
        self.options = options
        self.taxonomy = taxonomy
        self.strides = tuple(levels.strides.values())
        own = list(levels.anchors.values())
        given = own if isinstance(options.anchors, str) else options.anchors
        self.register_buffer("anchors", as_tensor(given, list(levels.channels)))
        self.head = Head(
            levels.channels,
            levels.strides,
            anchors=self.anchors.shape[1],
            classes=len(taxonomy),
            align=options.codes.align,
            refine=options.codes.refine,
        )
        gains = options.gains
        self.gains = scaled_gains(gains.box, gains.obj, gains.cls, levels=len(self.strides), classes=len(taxonomy))
        self.criterion = DetectionLoss(
            strides=self.strides,
            balance=level_balance(options.balance, len(self.strides)),
            anchor_t=options.anchor_t,
            overlap=options.overlap,
            gr=options.gr,
            label_smoothing=options.label_smoothing,
            focal_gamma=options.focal_gamma,
            ignore_crowd=options.ignore_crowd,
        )
        self.thresholds = Thresholds(options.score, options.iou, options.max_detections)

    def forward(self, features: Features) -> list[Tensor]:
        maps: list[Tensor] = self.head(features)
        return maps

    def encode(self, samples: Sequence[Sample]) -> Target:
        return encode(samples)

    def loss(self, raw: Sequence[Tensor], target: Target) -> dict[str, Tensor]:
        return self.criterion(raw, target, self.anchors)

    def decode(
        self,
        raw: Sequence[Tensor],
        frames: Sequence[Frame],
        *,
        score: float | None = None,
        iou: float | None = None,
        max_detections: int | None = None,
    ) -> list[Detections]:
        """Best first, suppressed within a class; what is not given here is as in the options.

        A `score` is named for looking at the boxes, and the published code then suppresses more than for its curves.
        """
        if score is not None and iou is None:
            iou = self.options.shown_iou
        thresholds = self.thresholds.but(score=score, iou=iou, max_detections=max_detections)
        return detect(raw, self.anchors, self.strides, frames, self.taxonomy, thresholds)

    def metric(self) -> CocoMetric:
        return CocoMetric(self.name, self.taxonomy)

    def codes(self) -> dict[str, ImplicitCode]:
        return self.head.codes()

    def outputs(self, place: str) -> list[Output]:
        where, _, level = place.partition("/")
        anchors = dict(zip(self.head.predict, self.anchors, strict=True))
        return outputs(anchors[level], self.taxonomy.categories) if where == "refine" else []

    def perfect(self, target: Target, raw: Sequence[Tensor]) -> list[Tensor]:
        return perfect_maps(raw, target, self.anchors, strides=self.strides, anchor_t=self.options.anchor_t)

    def prepare(self, records: Sequence[Record], input_size: int) -> None:
        """Fit the anchors to the training boxes where the options ask for it."""
        if isinstance(self.options.anchors, str):
            sizes = box_sizes(records, input_size)
            self.anchors.copy_(choose_anchors(self.options.anchors, self.anchors, sizes, self.options.anchor_t))

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        found = state_dict.get(prefix + "anchors")
        spelt_out = not isinstance(self.options.anchors, str)
        if spelt_out and found is not None and found.shape == self.anchors.shape:
            found = found.to(self.anchors)
            if not torch.allclose(found, self.anchors):
                raise CheckpointError(
                    f"the checkpoint's boxes were learnt with the anchors {found.tolist()}, and detection.anchors says "
                    f"{self.anchors.tolist()}; leave detection.anchors out to take the checkpoint's"
                )
        super()._load_from_state_dict(state_dict, prefix, *rest)
