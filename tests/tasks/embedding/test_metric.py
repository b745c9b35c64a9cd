from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tasks.embedding.metric import RetrievalMetric
from tasks.embedding.result import Embeddings
from tasks.embedding.retrieval import rank
from unified.data.sample import Labels, Objects, Record, Sample
from unified.ops.canvas import Canvas
from unified.ops.frame import Frame
from unified.task import Json, Prediction, Resampled, Result, bootstrap_counts

TRUE = torch.tensor([[0.0, 0, 10, 10], [20, 0, 30, 10]])


@dataclass(frozen=True)
class Boxes:
    boxes: Tensor
    scores: Tensor
    labels: Tensor

    def to_json(self) -> Json:
        return None

    @classmethod
    def from_json(cls, data: Json) -> Boxes:
        raise NotImplementedError

    def to_coco(self, image_id: int | str) -> list[dict[str, Json]]:
        return []

    def draw(self, canvas: Canvas) -> None: ...


def scene(identities: list[int], vectors: Tensor, found: Tensor, scores: list[float]) -> tuple[Prediction, Sample]:
    objects = Objects.make(TRUE, torch.zeros(2), (10, 30), identities=torch.tensor(identities))
    record = Record(0, Path("x.jpg"), (30, 10), Labels(objects))
    sample = Sample(torch.zeros(3, 10, 30), Labels(objects), Frame.identity((30, 10)), record)
    boxes = Boxes(found, torch.tensor(scores), torch.zeros(len(found)).long())
    near = vectors[: len(found)] if len(found) <= len(vectors) else torch.cat([vectors, vectors[:1]])
    results: dict[str, Result] = {"boxes": boxes, "vectors": Embeddings(vectors[0], near, vectors)}
    return Prediction(results), sample


def numbers_of(*scenes: tuple[Prediction, Sample], rerank: int = 0) -> dict[str, float | None]:
    metric = RetrievalMetric("vectors", "identity", ["thing"], torch.tensor([1, 2]), rerank=rerank)
    for prediction, sample in scenes:
        metric.update([prediction], [sample])
    return metric.compute().numbers


def test_found_is_the_share_of_labelled_objects_that_a_sure_box_shows() -> None:
    one = scene([1, 2], torch.eye(2), TRUE, [0.9, 0.8])
    other = scene([1, 2], torch.eye(2), TRUE, [0.9, 0.1])  # the second box is not sure

    numbers = numbers_of(one, other)

    assert numbers["found"] == pytest.approx(3 / 4)
    assert numbers["Rank-1"] == 1.0 and numbers["Rank-1_detected"] == 1.0


def test_a_false_box_stays_in_the_gallery_to_be_mistaken() -> None:
    false = TRUE + 100
    pair = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    near = torch.tensor([[0.8, 0.6], [0.0, 1.0]])
    first, second = scene([1, -1], pair, TRUE, [0.9, 0.8]), scene([1, -1], near, TRUE, [0.9, 0.8])
    third = scene([-1, -1], torch.tensor([[0.95, 0.31], [0.95, 0.31]]), false, [0.9, 0.8])

    assert numbers_of(first, second)["Rank-1_detected"] == 1.0
    assert numbers_of(first, second, third)["Rank-1_detected"] == 0.0


def test_a_box_found_as_two_categories_is_asked_once() -> None:
    twice = torch.cat([TRUE, TRUE[:1]])
    scenes = [scene([1, 2], torch.eye(2), twice, [0.9, 0.8, 0.7]) for _ in range(2)]

    assert numbers_of(*scenes)["Rank-1_detected"] == 1.0


def test_labels_without_any_box_found_count_as_not_found() -> None:
    nothing = scene([1, 2], torch.eye(2), torch.zeros(0, 4), [])

    numbers = numbers_of(nothing)

    assert numbers["found"] == 0.0 and numbers["Rank-1_detected"] is None


def test_a_resample_counts_each_query_as_often_as_its_picture_is_drawn() -> None:
    """Against a loop over the draws; the gallery is whole in each, so that no query finds a copy of itself."""
    several = [[1, 2], [1, -1], [2, 3], [-1, -1], [3, 1]]
    metric = RetrievalMetric("vectors", "identity", ["thing"], torch.zeros(0).long())
    for prediction, sample in (
        scene(numbers, F.normalize(torch.randn(2, 3), dim=1), TRUE, [0.9, 0.8]) for numbers in several
    ):
        metric.update([prediction], [sample])
    ranking = rank(metric._true.vectors, metric._true.numbers)
    picture = (ranking.query // 2).tolist()

    draws = metric.resampled(20, seed=3)

    assert isinstance(metric, Resampled)
    for d, counts in enumerate(bootstrap_counts(len(several), 20, seed=3).tolist()):
        found = [i for i, p in enumerate(picture) for _ in range(counts[p])]
        assert draws["mAP"][d] == pytest.approx(np.mean([float(ranking.average_precision[i]) for i in found]))
        assert draws["Rank-1"][d] == pytest.approx(np.mean([int(ranking.first[i]) == 1 for i in found]))


def test_a_resample_in_which_nobody_asks_has_no_number() -> None:
    metric = RetrievalMetric("vectors", "identity", ["thing"], torch.zeros(0).long())
    assert {name: len(values) for name, values in metric.resampled(2, seed=0).items()} == {"mAP": 2, "Rank-1": 2}
    prediction, sample = scene([1, 2], torch.eye(2), TRUE, [0.9, 0.8])
    metric.update([prediction], [sample])
    assert all(np.isnan(values).all() for values in metric.resampled(2, seed=0).values())
    assert all(len(values) == 0 for values in metric.resampled(0, seed=0).values())


def test_re_ranked_numbers_stand_beside_the_others_where_they_are_asked_for() -> None:
    scenes = [scene([1, 2], torch.eye(2), TRUE, [0.9, 0.8]) for _ in range(3)]
    plain, both = numbers_of(*scenes), numbers_of(*scenes, rerank=2)

    assert {name: both[name] for name in plain} == plain
    assert set(both) - set(plain) == {f"{name}_reranked" for name in plain if "TAR" not in name and name != "found"}
    assert both["mAP_reranked"] == both["mAP_detected_reranked"] == 1.0
