from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from tasks.embedding.retrieval import rank, similarities


def planted(count: int, identities: int, noise: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    torch.manual_seed(seed)
    numbers = torch.randint(0, identities, (count,))
    return normalize(torch.randn(identities, 16)[numbers] + noise * torch.randn(count, 16), dim=1), numbers


def naive(vectors: Tensor, numbers: Tensor) -> dict[str, float]:
    """By the definitions, one query after the other."""
    names = ("Rank-1", "Rank-5", "Rank-10", "mAP", "MAP@R", "R-precision")
    scores: dict[str, list[float]] = {name: [] for name in names}
    for q in range(len(vectors)):
        others = [i for i in range(len(vectors)) if i != q]
        relevant = sum(int(numbers[i] == numbers[q]) for i in others)
        if numbers[q] < 0 or not relevant:
            continue
        others.sort(key=lambda i: -float(vectors[q] @ vectors[i]))
        right = [bool(numbers[i] == numbers[q]) for i in others]
        precision = [sum(right[: k + 1]) / (k + 1) if hit else 0.0 for k, hit in enumerate(right)]
        for k in (1, 5, 10):
            scores[f"Rank-{k}"].append(float(any(right[:k])))
        scores["mAP"].append(sum(precision) / relevant)
        scores["MAP@R"].append(sum(precision[:relevant]) / relevant)
        scores["R-precision"].append(sum(right[:relevant]) / relevant)
    return {name: sum(values) / len(values) for name, values in scores.items()}


@pytest.mark.parametrize("noise", [0.2, 1.0, 3.0])
def test_every_number_equals_its_definition(noise: float) -> None:
    vectors, numbers = planted(80, 12, noise)
    numbers[::9] = -1

    assert rank(vectors, numbers, chunk=7).numbers() == pytest.approx(naive(vectors, numbers))


def test_numbers_equal_those_of_pytorch_metric_learning() -> None:
    from pytorch_metric_learning.distances import CosineSimilarity
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
    from pytorch_metric_learning.utils.inference import CustomKNN

    vectors, numbers = planted(120, 10, 1.0)
    knn = CustomKNN(CosineSimilarity(), batch_size=None)
    calculator = AccuracyCalculator(k=len(vectors) - 1, knn_func=knn, device=torch.device("cpu"))
    names = ("precision_at_1", "r_precision", "mean_average_precision_at_r", "mean_average_precision")
    theirs = calculator.get_accuracy(vectors, numbers, include=names)

    ours = rank(vectors, numbers).numbers()

    assert ours["Rank-1"] == pytest.approx(theirs["precision_at_1"], abs=1e-6)
    assert ours["R-precision"] == pytest.approx(theirs["r_precision"], abs=1e-6)
    assert ours["MAP@R"] == pytest.approx(theirs["mean_average_precision_at_r"], abs=1e-6)
    assert ours["mAP"] == pytest.approx(theirs["mean_average_precision"], abs=1e-6)


def test_the_size_of_the_chunks_does_not_matter() -> None:
    vectors, numbers = planted(50, 8, 1.5)

    assert rank(vectors, numbers, chunk=1).numbers() == pytest.approx(rank(vectors, numbers, chunk=999).numbers())


def test_a_query_without_a_right_answer_does_not_count() -> None:
    vectors, numbers = planted(20, 4, 0.01)
    alone = torch.cat([numbers, torch.tensor([77, -1, -1])])
    more = torch.cat([vectors, normalize(torch.randn(3, 16), dim=1)])

    assert len(rank(more, alone).query) == len(rank(vectors, numbers).query)


def test_without_queries_all_numbers_are_undefined() -> None:
    assert set(rank(torch.zeros(0, 4), torch.zeros(0).long()).numbers().values()) == {None}
    assert set(rank(torch.eye(3), torch.tensor([1, 2, -1])).numbers().values()) == {None}


def test_each_pair_is_compared_once() -> None:
    vectors, numbers = planted(23, 5, 1.0)
    numbers[3] = -1

    parts = list(similarities(vectors, numbers, chunk=4))

    assert sum(len(cosines) for cosines, _ in parts) == 22 * 21 // 2
    pairs = [(i, j) for i in range(23) for j in range(i) if i != 3 and j != 3]
    assert int(torch.cat([same for _, same in parts]).sum()) == sum(bool(numbers[i] == numbers[j]) for i, j in pairs)


def test_re_ranking_finds_more_where_groups_hold_together() -> None:
    vectors, numbers = planted(120, 12, 1.0)

    before, after = rank(vectors, numbers), rank(vectors, numbers, neighbours=9)

    torch.testing.assert_close(after.query, before.query)
    assert float(after.average_precision.mean()) > float(before.average_precision.mean()) + 0.02


def test_nothing_to_ask_for_is_nothing_to_re_rank() -> None:
    assert rank(torch.zeros(0, 4), torch.zeros(0).long(), neighbours=9).numbers()["mAP"] is None
