"""What multi-label classification says about one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unified.data.sample import Taxonomy
from unified.ops.canvas import Canvas
from unified.ops.floats import at_least_float32, shortest
from unified.task import Json


@dataclass(frozen=True, slots=True, eq=False)
class Tags:
    """`tags` is what the picture shows, name → probability, the most probable first; `tag_scores` is everything."""

    tags: Mapping[str, float]
    tag_scores: Tensor  # (K,) float32, in [0, 1], each for itself: they do not sum to 1
    tag_names: tuple[str, ...]  # (K,) in the order of the taxonomy, each another

    @classmethod
    def of(cls, scores: Tensor, names: Sequence[str], threshold: float) -> Tags:
        """From probabilities (K,); those of at least `threshold` become tags."""
        order = scores.argsort(descending=True, stable=True).tolist()
        tags = {names[k]: shortest(scores[k]) for k in order if scores[k] >= threshold}
        return cls(tags, scores, tuple(names))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tags):
            return NotImplemented
        return self.tag_names == other.tag_names and self.tags == other.tags and self.tag_scores.equal(other.tag_scores)

    def __hash__(self) -> int:
        return hash((self.tag_names, frozenset(self.tags)))

    def to_json(self) -> dict[str, Json]:
        """{"tags": {"dog": 0.93}, "tag_scores": {"cat": 0.02, "dog": 0.93, …}}, the shortest digits that are exact."""
        scores = dict(zip(self.tag_names, map(shortest, self.tag_scores), strict=True))
        return {"tags": dict(self.tags), "tag_scores": scores}

    @classmethod
    def from_json(cls, data: Json) -> Tags:
        scores: dict[str, float] = data["tag_scores"]
        return cls(dict(data["tags"]), torch.tensor(list(scores.values()), dtype=torch.float32), tuple(scores))

    def to_coco(self, image_id: int | str) -> list[dict[str, Json]]:
        """Empty: COCO's results format knows no image labels."""
        return []

    def draw(self, canvas: Canvas) -> None:
        """One line under the picture: the tags and their probabilities."""
        if self.tags:
            canvas.caption(", ".join(f"{name} {score:.2f}" for name, score in self.tags.items()))


def to_tags(logits: Tensor, taxonomy: Taxonomy, threshold: float) -> list[Tags]:
    """One result a picture, from logits (B, K) on any device."""
    probabilities = at_least_float32(logits.detach()).sigmoid().float().cpu()
    names = _told_apart(taxonomy.categories)
    return [Tags.of(scores, names, threshold) for scores in probabilities]


def _told_apart(names: Sequence[str]) -> list[str]:
    """Of two categories of one name, which data may have, the second is called "name (2)"."""
    return [f"{name} ({n + 1})" if (n := names[:k].count(name)) else name for k, name in enumerate(names)]
