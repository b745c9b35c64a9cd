"""The pooled head: what the pooling does, and that every code takes part."""

from __future__ import annotations

import pytest
import torch

from tasks.classification.head import PooledHead, log_sum_exp_pool

CHANNELS = {"p3": 8, "p4": 12}


def features(batch: int = 2) -> dict[str, torch.Tensor]:
    return {"p3": torch.randn(batch, 8, 6, 4), "p4": torch.randn(batch, 12, 3, 2)}


def test_the_sharpness_leads_from_the_mean_to_the_maximum() -> None:
    scores = torch.randn(2, 3, 5, 7, dtype=torch.float64)

    torch.testing.assert_close(log_sum_exp_pool(scores, 1e-6), scores.mean((2, 3)), atol=1e-5, rtol=0)
    torch.testing.assert_close(log_sum_exp_pool(scores, 1e4), scores.amax((2, 3)), atol=1e-3, rtol=0)


def test_the_pooling_of_equal_scores_is_that_score_whatever_the_size() -> None:
    for size in (1, 40):
        pooled = log_sum_exp_pool(torch.full((1, 2, size, size), -3.0), 3.0)
        torch.testing.assert_close(pooled, torch.full((1, 2), -3.0))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_pooling_of_half_precision_scores_is_float32_and_finite(dtype: torch.dtype) -> None:
    scores = torch.tensor([[[[50.0, -50.0], [0.0, 90.0]]]], dtype=dtype)

    pooled = log_sum_exp_pool(scores, 3.0)

    assert pooled.dtype == torch.float32 and pooled.isfinite().all()


def test_it_starts_near_the_prior_whatever_the_features() -> None:
    head = PooledHead(CHANNELS, 3, sharpness=3.0, align=None, refine=None)
    prior = torch.tensor([0.05, 0.5, 0.9])

    head.set_prior(prior.logit())

    torch.testing.assert_close(head(features()).sigmoid(), prior.expand(2, 3), atol=0.03, rtol=0)
