"""The query head: one answer a category, groups of categories a query."""

from __future__ import annotations

import pytest
import torch

from tasks.classification.query_head import QueryHead

CHANNELS = {"p3": 8, "p4": 12}


def features(batch: int = 2) -> dict[str, torch.Tensor]:
    return {"p3": torch.randn(batch, 8, 6, 4), "p4": torch.randn(batch, 12, 3, 2)}


def make_head(categories: int, queries: int = 100) -> QueryHead:
    torch.manual_seed(0)
    return QueryHead(CHANNELS, categories, width=16, heads=2, queries=queries, align=None, refine=None)


@pytest.mark.parametrize(
    ("categories", "queries", "owners"),
    [(1, 100, [0]), (5, 100, [0, 1, 2, 3, 4]), (5, 2, [0, 0, 0, 1, 1]), (6, 4, [0, 0, 1, 1, 2, 2])],
)
def test_categories_share_the_queries_evenly(categories: int, queries: int, owners: list[int]) -> None:
    head = make_head(categories, queries)

    assert head.query_of.tolist() == owners
    assert len(head.queries) == owners[-1] + 1
    assert head(features()).shape == (2, categories)


def test_every_category_listens_to_its_own_query_only() -> None:
    head = make_head(6, queries=3)
    inputs = features()
    before = head(inputs)
    with torch.no_grad():
        head.queries[1] = torch.randn(16)

    changed = (head(inputs) - before).abs().amax(0) > 1e-6

    assert changed.tolist() == [False, False, True, True, False, False]


def test_the_order_of_the_cells_does_not_matter() -> None:
    head = make_head(4).eval()
    inputs = features()
    shuffled = {level: value.flip(3) for level, value in inputs.items()}

    torch.testing.assert_close(head(shuffled), head(inputs), atol=1e-5, rtol=1e-4)


def test_the_prior_is_the_bias_of_the_last_layer() -> None:
    head = make_head(3)
    with torch.no_grad():
        head.classify.conv.weight.zero_()
    prior = torch.tensor([0.05, 0.5, 0.9])

    head.set_prior(prior.logit())

    torch.testing.assert_close(head(features()).sigmoid(), prior.expand(2, 3))
