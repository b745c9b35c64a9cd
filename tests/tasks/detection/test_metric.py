"""COCO numbers of predictions: of the truth, of nothing, of one box worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from tasks.detection.metric import CocoMetric
from tasks.detection.result import Detections
from unified.data.sample import Sample, Taxonomy
from unified.task import Prediction, Scores

MakeSample = Callable[..., Sample]
TWELVE = ["AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large"]
TWELVE += ["AR_1", "AR_10", "AR_100", "AR_small", "AR_medium", "AR_large"]
Row = tuple[float, float, float, float, float, int]  # box, score, label


def predict(rows: Sequence[Row], taxonomy: Taxonomy) -> Prediction:
    table = torch.tensor(rows, dtype=torch.float32).reshape(-1, 6)
    return Prediction({"detection": Detections.of(table[:, :4], table[:, 4], table[:, 5].long(), taxonomy)})


def truth_of(sample: Sample, taxonomy: Taxonomy) -> Prediction:
    objects = sample.record.labels.objects
    assert objects is not None
    scores = torch.linspace(0.9, 0.5, len(objects))
    return Prediction({"detection": Detections.of(objects.boxes, scores, objects.categories, taxonomy)})


def score(pairs: Sequence[tuple[Prediction, Sample]], taxonomy: Taxonomy) -> Scores:
    metric = CocoMetric("detection", taxonomy)
    for prediction, sample in pairs:
        metric.update([prediction], [sample])
    return metric.compute()


@pytest.fixture
def samples(make_sample: MakeSample) -> list[Sample]:
    """Objects of 20², 60² and 160² pixels on the original picture; `owl` has none."""
    return [
        make_sample([(5, 5, 15, 15, 0), (40, 40, 70, 70, 1)], image_id="a"),
        make_sample([], image_id="b"),
        make_sample([(10, 10, 90, 90, 0)], image_id="a"),  # a name may occur twice over several data sets
    ]


def test_the_truth_scores_one(samples: list[Sample], taxonomy: Taxonomy) -> None:
    numbers = score([(truth_of(s, taxonomy), s) for s in samples], taxonomy).numbers
    assert list(numbers) == TWELVE
    assert numbers == pytest.approx(dict.fromkeys(TWELVE, 1.0))


def test_silence_scores_zero(samples: list[Sample], taxonomy: Taxonomy) -> None:
    numbers = score([(predict([], taxonomy), s) for s in samples], taxonomy).numbers
    assert set(numbers.values()) == {0.0}


def test_without_pictures_or_labels_nothing_is_defined(make_sample: MakeSample, taxonomy: Taxonomy) -> None:
    assert set(score([], taxonomy).numbers.values()) == {None}
    unlabelled = make_sample(None)
    found = predict([(0, 0, 9, 9, 0.9, 0)], taxonomy)
    assert set(score([(found, unlabelled)], taxonomy).numbers.values()) == {None}
    assert set(score([(found, make_sample([]))], taxonomy).numbers.values()) == {None}


def test_each_category_has_a_row_with_its_number_of_objects(samples: list[Sample], taxonomy: Taxonomy) -> None:
    rows = score([(truth_of(s, taxonomy), s) for s in samples], taxonomy).tables["per_category"]
    one = pytest.approx(1.0)
    assert rows == [
        {"category_id": 1, "category": "cat", "AP": one, "AP50": one, "AR_100": one, "ground_truths": 2},
        {"category_id": 5, "category": "dog", "AP": one, "AP50": one, "AR_100": one, "ground_truths": 1},
        {"category_id": 7, "category": "owl", "AP": None, "AP50": None, "AR_100": None, "ground_truths": 0},
    ]


def test_a_box_counts_at_the_thresholds_its_overlap_reaches(make_sample: MakeSample, taxonomy: Taxonomy) -> None:
    """Truth 0 … 80 wide, found 0 … 62: IoU 0.775, six of the ten thresholds 0.50:0.05:0.95."""
    sample = make_sample([(0, 0, 40, 40, 2)])
    numbers = score([(predict([(0, 0, 62, 80, 0.7, 2)], taxonomy), sample)], taxonomy).numbers
    assert numbers["AP"] == pytest.approx(0.6)
    assert numbers["AP50"] == pytest.approx(1)
    assert numbers["AP75"] == pytest.approx(1)
    assert numbers["AP_medium"] == pytest.approx(0.6)
    assert numbers["AP_small"] is None


def test_detections_in_a_crowd_are_no_mistakes(make_sample: MakeSample, taxonomy: Taxonomy) -> None:
    sample = make_sample([(0, 0, 20, 20, 0), (50, 0, 90, 60, 0)], crowd=[False, True])
    rows: list[Row] = [(110, 10, 130, 60, 0.9, 0), (0, 0, 40, 40, 0.8, 0)]
    scores = score([(predict(rows, taxonomy), sample)], taxonomy)
    assert scores.numbers["AP"] == pytest.approx(1)
    assert scores.tables["per_category"][0]["ground_truths"] == 1
    lost = score([(predict([(200, 200, 230, 250, 0.9, 0), rows[1]], taxonomy), sample)], taxonomy)
    assert lost.numbers["AP"] == pytest.approx(0.5)
