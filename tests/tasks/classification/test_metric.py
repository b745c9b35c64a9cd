"""Multi-label metrics: equal to scikit-learn and to published numbers, and clear about what is undefined."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, precision_recall_fscore_support

from tasks.classification.metric import (
    Bools,
    Floats,
    MultiLabelMetric,
    average_precision,
    decision_numbers,
    multilabel_numbers,
    top,
)
from tasks.classification.result import Tags
from unified.data.sample import Labels, Record, Sample
from unified.ops.frame import Frame
from unified.task import Prediction, Scores

# scikit-learn 1.9.1 on `golden_set`: 500 pictures, 80 classes, four of them without positives.
GOLDEN = {
    "mAP": 0.47367591,
    "CP": 0.253028647, "CR": 0.511800526, "CF1": 0.338638219,
    "OP": 0.251323251, "OR": 0.502077039, "OF1": 0.334971025,
    "CP_all": 0.240377215, "CR_all": 0.4862105, "CF1_all": 0.321706308,
    "CP_top3": 0.759010294, "CR_top3": 0.232481937, "CF1_top3": 0.355940627,
    "OP_top3": 0.788666667, "OR_top3": 0.223376133, "OF1_top3": 0.348145968,
    "CP_top3_all": 0.721059779, "CR_top3_all": 0.22085784, "CF1_top3_all": 0.338143596,
}  # fmt: skip


def uniform(name: str, n: int) -> Floats:
    """n numbers in [0, 1), the same with every version of numpy."""
    raw = np.random.PCG64(crc32(name.encode())).random_raw(n)
    return np.asarray((raw >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def golden_set() -> tuple[Floats, Bools]:
    label, score, bonus = (uniform(f"multilabel/a/{n}", 40000).reshape(500, 80) for n in ("label", "score", "bonus"))
    truth = label < 0.02 + 0.25 * (37 * np.arange(80) % 80) / 80
    truth[:, [7, 33, 61, 79]] = False
    truth[::50] = False
    return 0.65 * score + 0.35 * truth * bonus, truth


def numbers_of(scores: Floats, truth: Bools) -> dict[str, float | None]:
    return multilabel_numbers(scores, truth, average_precision(scores, truth))


def random_set(ties: bool) -> tuple[Floats, Bools]:
    rng = np.random.default_rng(0)
    scores = rng.random((200, 12))
    truth = rng.random((200, 12)) < rng.random(12) * 0.5
    truth[0] = True
    return (scores.round(1) if ties else scores), truth


def score(rows: list[list[float]], tags: list[list[bool] | None]) -> Scores:
    """The metric of pictures with these probabilities and these truths."""
    metric = MultiLabelMetric("any name", [f"c{k}" for k in range(len(rows[0]))])
    frame = Frame.identity((4, 4))
    for i, (row, truth) in enumerate(zip(rows, tags, strict=True)):
        result = Tags.of(torch.tensor(row), [f"c{k}" for k in range(len(row))], 0.5)
        labels = Labels() if truth is None else Labels(tags=torch.tensor(truth))
        record = Record(i, Path("x.jpg"), (4, 4), labels)
        sample = Sample(torch.zeros(3, 4, 4, dtype=torch.uint8), Labels(), frame, record)
        metric.update([Prediction({"any name": result})], [sample])
    return metric.compute()


def test_the_numbers_equal_the_published_ones() -> None:
    found = numbers_of(*golden_set())

    assert found.keys() == GOLDEN.keys()
    for name, value in GOLDEN.items():
        assert found[name] == pytest.approx(value, abs=1e-8), name


def test_everything_in_the_parity_file_is_equal(parity: Path) -> None:
    expected: dict[str, Any] = json.loads((parity / "multilabel.json").read_text())
    scores, truth = golden_set()
    assert truth.sum() == expected["check"]["positives"]
    assert scores.sum() == pytest.approx(expected["check"]["score_sum"])

    per_class = [None if np.isnan(ap) else ap for ap in average_precision(scores, truth).tolist()]
    for found, value in zip(per_class, expected["average_precision"], strict=True):
        assert found == (None if value is None else pytest.approx(value, abs=1e-8))
    both = (scores >= 0.5) & top(scores, 3)
    of_both = decision_numbers(both, truth)
    for name, value in expected["top3_and_threshold_0_5"]["classes_with_positives"].items():
        assert of_both[name] == pytest.approx(value, abs=1e-8)


@pytest.mark.parametrize("ties", [False, True])
def test_average_precision_equals_scikit_learn(ties: bool) -> None:
    scores, truth = random_set(ties)

    np.testing.assert_allclose(average_precision(scores, truth), average_precision_score(truth, scores, average=None))


def test_precision_and_recall_equal_scikit_learn() -> None:
    scores, truth = random_set(ties=False)

    found = decision_numbers(scores >= 0.5, truth)

    for names, average in ((("CP", "CR"), "macro"), (("OP", "OR", "OF1"), "micro")):
        expected = precision_recall_fscore_support(truth, scores >= 0.5, average=average, zero_division=0.0)
        for name, value in zip(names, expected, strict=False):
            assert found[name] == pytest.approx(value), name


def test_top_takes_three_whatever_their_score_and_the_first_of_equals() -> None:
    decided = top(np.array([[0.1, 0.0, 0.3, 0.2], [0.5, 0.5, 0.5, 0.5]]), 3)

    assert decided.tolist() == [[True, False, True, True], [True, True, True, False]]


def test_with_fewer_categories_than_three_all_are_top() -> None:
    assert top(np.array([[0.1, 0.0]]), 3).all()


def test_truth_scores_one_everywhere() -> None:
    found = score([[0.9, 0.1], [0.2, 0.8]], [[True, False], [False, True]]).numbers

    assert [found[name] for name in ("mAP", "CP", "CR", "CF1", "OP", "OR", "OF1")] == [1.0] * 7


def test_a_class_without_positives_counts_in_no_mean_and_its_false_alarms_still_cost_overall_precision() -> None:
    found = score([[0.9, 0.9], [0.2, 0.1]], [[True, False], [False, False]])

    assert found.numbers["mAP"] == 1.0 and found.numbers["CP"] == 1.0
    assert found.numbers["CP_all"] == 0.5 and found.numbers["OP"] == 0.5
    assert found.tables["categories"][1] == {
        "category": "c1", "positives": 0, "AP": None, "precision": 0.0, "recall": None,
    }  # fmt: skip


def test_without_any_positive_recall_and_average_precision_are_undefined() -> None:
    found = score([[0.9, 0.1]], [[False, False]]).numbers

    assert {found[name] for name in ("mAP", "CP", "CR", "CF1", "OP", "OR", "OF1")} == {None}


def test_pictures_without_labels_are_left_out() -> None:
    labelled = score([[0.9, 0.1]], [[True, False]])
    mixed = score([[0.9, 0.1], [0.3, 0.99]], [[True, False], None])

    assert mixed == labelled


def test_without_a_labelled_picture_every_number_is_undefined() -> None:
    assert set(score([[0.9, 0.1]], [None]).numbers.values()) == {None}


def test_one_category_is_enough() -> None:
    found = score([[0.9], [0.2], [0.6]], [[True], [False], [False]])

    assert found.numbers["mAP"] == 1.0 and found.numbers["CP"] == 0.5
