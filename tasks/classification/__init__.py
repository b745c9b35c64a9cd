"""Multi-label image classification: which categories are present in the picture.

With detection on the same trunk this is the paper's JDC, joint detection and classification (arXiv 2105.04206, §5.4 and
Table 3). Reading order: `presence` (labels), `head` or `query_head`, `loss`, `result`, `metric`, `agreement`.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from torch import Tensor

from unified.data.sample import Record, Sample, Taxonomy
from unified.errors import ConfigError
from unified.model.implicit import ImplicitCode
from unified.ops.frame import Frame
from unified.task import Features, Levels, Output, Target, Task

from .head import PooledHead
from .loss import MultiLabelLoss
from .metric import MultiLabelMetric
from .options import Options
from .presence import encode, log_odds, perfect_logits, prior_log_odds
from .query_head import QueryHead
from .result import Tags, to_tags

__all__ = ["Classification", "Options", "Tags", "task"]


def task(levels: Levels, taxonomy: Taxonomy, **options: Any) -> Classification:
    """Classification behind a trunk with these levels, into the categories of `taxonomy`."""
    return Classification(levels, taxonomy, Options.model_validate(options))


class Classification(Task):
    """Raw output: logits (B, K), K categories; their sigmoids are independent probabilities."""

    name = "classification"
    fitness = MappingProxyType({"mAP": 1.0})

    def __init__(self, levels: Levels, taxonomy: Taxonomy, options: Options) -> None:
        super().__init__()
        if not len(taxonomy):
            raise ConfigError("classification needs at least one category, and the data set names none")
        self.options = options
        self.taxonomy = taxonomy
        self.head = make_head(levels, len(taxonomy), options)
        self.head.set_prior(log_odds(len(taxonomy)))
        self.gains = {options.loss: options.gain}
        self.criterion = MultiLabelLoss(
            kind=options.loss,
            gamma_positive=options.gamma_positive,
            gamma_negative=options.gamma_negative,
            margin=options.margin,
        )

    def forward(self, features: Features) -> Tensor:
        logits: Tensor = self.head(features)
        return logits

    def encode(self, samples: Sequence[Sample]) -> Target:
        return encode(samples, len(self.taxonomy))

    def loss(self, raw: Tensor, target: Target) -> dict[str, Tensor]:
        return self.criterion(raw, target)

    def decode(self, raw: Tensor, frames: Sequence[Frame], *, score: float | None = None) -> list[Tags]:
        """The `threshold` of the options decides what is a tag; a `score` above it leaves out more."""
        return to_tags(raw, self.taxonomy, max(self.options.threshold, score or 0.0))

    def metric(self) -> MultiLabelMetric:
        return MultiLabelMetric(self.name, self.taxonomy.categories)

    def codes(self) -> dict[str, ImplicitCode]:
        return self.head.codes()

    def outputs(self, place: str) -> list[Output]:
        if not place.startswith("refine/"):
            return []
        return [Output("classes", category) for category in self.taxonomy.categories]

    def perfect(self, target: Target, raw: Tensor) -> Tensor:
        return perfect_logits(target, raw)

    def prepare(self, records: Sequence[Record], input_size: int) -> None:
        """Start at the frequency of each category in the training set."""
        self.head.set_prior(prior_log_odds(records, len(self.taxonomy)))


def make_head(levels: Levels, categories: int, options: Options) -> PooledHead | QueryHead:
    """The head that the options ask for."""
    codes = options.codes
    if options.head == "pooled":
        return PooledHead(
            levels.channels, categories, sharpness=options.sharpness, align=codes.align, refine=codes.refine
        )
    return QueryHead(
        levels.channels,
        categories,
        width=options.width,
        heads=options.heads,
        queries=options.queries,
        align=codes.align,
        refine=codes.refine,
    )
