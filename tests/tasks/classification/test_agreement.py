"""The agreement of image scores and box scores, wherever the boxes come from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor

from tasks.classification.agreement import Agreement, ranks
from tasks.classification.result import Tags
from unified.ops.canvas import Canvas
from unified.task import Json, Prediction

NAMES = ("agreement", "agreement_pearson", "agreement_spearman", "agreement_difference")


@dataclass(frozen=True)
class Found:
    """Boxes of some other task."""

    boxes: Tensor
    scores: Tensor
    labels: Tensor

    def to_json(self) -> Json:
        return None

    @classmethod
    def from_json(cls, data: Json) -> Found:
        raise NotImplementedError

    def to_coco(self, image_id: int | str) -> list[dict[str, Json]]:
        return []

    def draw(self, canvas: Canvas) -> None: ...


def prediction(image: list[float], boxes: list[tuple[int, float]] | None) -> Prediction:
    tags = Tags.of(torch.tensor(image), [f"c{k}" for k in range(len(image))], 0.5)
    if boxes is None:
        return Prediction({"tags": tags})
    labels, scores = torch.tensor([b[0] for b in boxes], dtype=torch.int64), torch.tensor([b[1] for b in boxes])
    return Prediction({"tags": tags, "finder": Found(torch.zeros(len(boxes), 4), scores, labels)})


def agreement(*predictions: Prediction) -> dict[str, float | None]:
    collected = Agreement(len(predictions[0].tag_scores), 0.5)
    for one in predictions:
        tags = one.results["tags"]
        assert isinstance(tags, Tags)
        collected.update(tags, one)
    return collected.compute()


def test_the_best_box_of_a_category_speaks_for_it() -> None:
    found = agreement(prediction([0.9, 0.1, 0.6], [(0, 0.3), (0, 0.9), (1, 0.1), (2, 0.6)]))

    assert found["agreement"] == 1.0
    assert found["agreement_pearson"] == pytest.approx(1.0)
    assert found["agreement_difference"] == pytest.approx(0.0, abs=1e-7)


def test_a_category_without_a_box_has_box_score_zero() -> None:
    found = agreement(prediction([0.8, 0.1], []))

    assert found["agreement"] == 0.5
    assert found["agreement_difference"] == pytest.approx(0.45)
    assert found["agreement_pearson"] is None  # all box scores are equal


def test_the_correlations_equal_scipy_s() -> None:
    rng = np.random.default_rng(0)
    image, box = rng.random(40).round(1), rng.random(40).round(1)
    rows = [prediction([i, 0.2], [(0, b), (1, 0.3)]) for i, b in zip(image.tolist(), box.tolist(), strict=True)]
    a = np.stack([image, np.full(40, 0.2)], 1).flatten().astype(np.float32)
    b = np.stack([box, np.full(40, 0.3)], 1).flatten().astype(np.float32)

    found = agreement(*rows)

    assert found["agreement_pearson"] == pytest.approx(np.corrcoef(a, b)[0, 1], rel=1e-5)
    assert found["agreement_spearman"] == pytest.approx(spearmanr(a, b).statistic, rel=1e-9)


def test_equal_values_share_their_mean_rank() -> None:
    assert ranks(np.array([0.5, 0.1, 0.5, 0.9])).tolist() == [2.5, 1.0, 2.5, 4.0]


def test_without_boxes_there_is_nothing_to_agree_with() -> None:
    assert agreement(prediction([0.8, 0.1], None)) == dict.fromkeys(NAMES)
