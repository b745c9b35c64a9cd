from __future__ import annotations

import pytest
import torch

from tasks.embedding.verification import acceptance


def test_the_rate_is_that_of_the_lowest_threshold_allowed() -> None:
    torch.manual_seed(0)
    false, true = torch.rand(30_000) - 0.6, torch.rand(2_000) - 0.2
    chunks = [(torch.cat([false, true]), torch.cat([false.bool() & False, torch.ones(2_000, dtype=torch.bool)]))]

    found = acceptance(chunks)

    for rate in (1e-1, 1e-2, 1e-3):
        threshold = false.sort(descending=True).values[int(rate * len(false))]
        assert found[f"TAR@FAR={rate:g}"] == pytest.approx(float((true > threshold).double().mean()), abs=2e-3)


def test_chunks_add_up() -> None:
    torch.manual_seed(1)
    cosines, same = torch.rand(5_000) * 2 - 1, torch.rand(5_000) < 0.3
    halves = [(cosines[:1_234], same[:1_234]), (cosines[1_234:], same[1_234:])]

    assert acceptance(halves) == acceptance([(cosines, same)])


def test_a_rate_that_the_pairs_cannot_tell_is_undefined() -> None:
    cosines = torch.tensor([0.9, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, -0.5, 0.0])
    found = acceptance([(cosines, torch.arange(11) == 0)])

    assert found == {"TAR@FAR=0.1": 1.0, "TAR@FAR=0.01": None, "TAR@FAR=0.001": None, "TAR@FAR=0.0001": None}


def test_all_alike_accepts_nothing() -> None:
    found = acceptance([(torch.ones(1_000), torch.arange(1_000) < 100)])
    assert found["TAR@FAR=0.1"] == 0.0
