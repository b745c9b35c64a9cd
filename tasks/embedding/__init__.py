"""Embedding: a vector for every object and one for the picture; alike is near.

With detection on the same trunk this is the paper's JDE, joint detection and embedding (arXiv 2105.04206, §5.4 and
Table 3), for any number of classes. Reading order: `target` (what is the same), `head`, `read`, `whitening`, `loss`,
`result`, `retrieval`, `verification`, `metric`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from unified.data.kinship import Kinship
from unified.data.sample import Record, Sample, Taxonomy
from unified.errors import ConfigError
from unified.model.implicit import ImplicitCode
from unified.ops.frame import Frame
from unified.task import Features, Levels, Regions, Result, Target, Task

from .head import Head
from .loss import make_loss
from .metric import RetrievalMetric
from .options import CLASSIFYING, Options
from .perfect import perfect_map
from .read import jittered, read_vectors
from .result import Embeddings
from .target import encode, same_as
from .whitening import Whitening

__all__ = ["Embedding", "Embeddings", "Options", "task"]


def task(levels: Levels, taxonomy: Taxonomy, **options: Any) -> Embedding:
    """Embedding behind a trunk with these levels, of the identities or categories of `taxonomy`."""
    return Embedding(levels, taxonomy, Options.model_validate(options))


class Embedding(Task):
    """Raw output: the embedding map (B, D, H, W) on the grid of the finest level."""

    name = "embedding"
    of_data = ("trained", "criterion.past", "criterion.past_numbers", "criterion.place")
    fitness = MappingProxyType({"mAP": 1.0})
    trained: Tensor  # (C,) int64, sorted: the numbers of the training set's identities, or categories

    def __init__(self, levels: Levels, taxonomy: Taxonomy, options: Options) -> None:
        super().__init__()
        self.options = options
        self.taxonomy = taxonomy
        self.stride = next(iter(levels.strides.values()))
        self.head = Head(
            levels.channels,
            options.dimension,
            hidden=options.hidden,
            align=options.codes.align,
            refine=options.codes.refine,
        )
        classes = len(taxonomy) if options.target == "category" else taxonomy.identities
        if options.loss in CLASSIFYING and not classes:
            raise ConfigError(
                f"embedding with loss {options.loss} classifies the {options.target} of objects, and the training set "
                "names none; use target: self, target: category, or data with an `identity` (or `track_id`) an object"
            )
        self.register_buffer("trained", torch.arange(classes))
        self.whitening = None if options.whiten is None else Whitening(options.dimension, options.whiten)
        self.settled = () if self.whitening is None else ("whitening.mean", "whitening.within")
        self.gains = {options.loss: options.gain}
        self.criterion = make_loss(
            options.loss,
            options.dimension,
            classes,
            temperature=options.temperature,
            margin=options.margin,
            scale=options.scale,
            memory=options.memory,
        )

    def forward(self, features: Features) -> Tensor:
        embedded: Tensor = self.head(features)
        return embedded

    def encode(self, samples: Sequence[Sample]) -> Target:
        return encode(samples, self.options.target)

    def loss(self, raw: Tensor, target: Target) -> dict[str, Tensor]:
        boxes, image, numbers = target["boxes"], target["image"], target["same"]
        if self.options.loss in CLASSIFYING:
            known = torch.isin(numbers, self.trained)
            boxes, image = boxes[known], image[known]
            numbers = torch.searchsorted(self.trained, numbers[known])
        if not len(numbers):
            return {}
        if self.training:
            boxes = jittered(boxes, self.options.jitter)
        with torch.autocast(raw.device.type, enabled=False):
            vectors = self.read(raw, boxes, image)
            return {self.options.loss: self.criterion(vectors, numbers)}

    def read(self, raw: Tensor, boxes: Tensor, image: Tensor) -> Tensor:
        """Vectors (N, D) of boxes (N, 4) xyxy in input pixels of the pictures `image` (N,)."""
        vectors = self._read_plain(raw, boxes, image)
        return vectors if self.whitening is None else self.whitening(vectors)

    def _read_plain(self, raw: Tensor, boxes: Tensor, image: Tensor) -> Tensor:
        return read_vectors(raw, boxes, image, stride=self.stride, grid=self.options.grid)

    def decode(self, raw: Tensor, frames: Sequence[Frame], *, score: float | None = None) -> list[Embeddings]:
        """The whole pictures; a `score` does not apply. `describe` adds the objects."""
        content = torch.tensor([frame.content() for frame in frames], device=raw.device)
        vectors = self.read(raw, content, torch.arange(len(frames), device=raw.device)).cpu()
        return [Embeddings(vector, vectors[:0]) for vector in vectors]

    def describe(
        self, raw: Tensor, results: Sequence[Result], frames: Sequence[Frame], regions: Sequence[Regions]
    ) -> list[Embeddings]:
        """The vectors of the boxes that were found, and of those of the labels."""
        found = self._read_each(raw, frames, [region.found for region in regions])
        true = self._read_each(
            raw, frames, [region.found[:0] if region.true is None else region.true for region in regions]
        )
        described = []
        for result, region, vectors, true_vectors in zip(results, regions, found, true, strict=True):
            assert isinstance(result, Embeddings)
            described.append(Embeddings(result.image_vector, vectors, None if region.true is None else true_vectors))
        return described

    def _read_each(self, raw: Tensor, frames: Sequence[Frame], boxes: Sequence[Tensor]) -> Sequence[Tensor]:
        """Vectors of each picture's boxes, which are in original pixels."""
        counts = [len(rows) for rows in boxes]
        inside = torch.cat([frame.to_input(rows) for frame, rows in zip(frames, boxes, strict=True)]).float()
        image = torch.repeat_interleave(torch.arange(len(frames)), torch.tensor(counts))
        vectors = self.read(raw, inside.to(raw.device), image.to(raw.device)).cpu()
        return list(torch.split(vectors, counts))

    def settle(self, answers: Iterable[tuple[Tensor, Target]]) -> None:
        """How vectors of one identity scatter."""
        if self.whitening is not None:
            self.whitening.fit(
                (self._read_plain(raw, target["boxes"], target["image"]), target["same"]) for raw, target in answers
            )

    def metric(self) -> RetrievalMetric:
        target, rerank = self.options.target, self.options.rerank
        return RetrievalMetric(self.name, target, self.taxonomy.categories, self.trained, rerank=rerank)

    def codes(self) -> dict[str, ImplicitCode]:
        return self.head.codes()

    def perfect(self, target: Target, raw: Tensor) -> Tensor:
        return perfect_map(target, raw, self.stride)

    def prepare(self, records: Sequence[Record], input_size: int) -> None:
        """Learn which identities there are to be trained on."""
        if self.options.target != "category":  # of target self for the scores: they tell identities apart, too
            given = [same_as(r.labels.objects, "identity") for r in records if r.labels.objects is not None]
            numbers = torch.unique(torch.cat(given)) if given else torch.zeros(0).long()
            numbers = numbers[numbers >= 0]
            # The taxonomy counts crowds, too, whose identities are not trained on: their rows stay empty.
            self.trained.fill_(torch.iinfo(torch.long).max)
            self.trained[: len(numbers)] = numbers

    def kinship(self, records: Sequence[Record]) -> Kinship | None:
        """Pictures that show the same should meet in a batch: a picture for itself alone has nothing to teach."""
        if self.options.views == 1:
            return None
        keys: list[list[int]] = []
        for record in records:
            objects = record.labels.objects
            numbers = [] if objects is None else same_as(objects, self.options.target).unique().tolist()
            keys.append([number for number in numbers if number >= 0])
        return Kinship(self.options.views, keys)
