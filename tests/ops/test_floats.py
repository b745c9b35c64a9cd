from __future__ import annotations

import pytest
import torch

from unified.ops.floats import at_least_float32, shortest


@pytest.mark.parametrize(
    ("given", "wanted"),
    [(torch.bfloat16, torch.float32), (torch.float32, torch.float32), (torch.float64, torch.float64)],
)
def test_half_precision_is_widened_and_more_is_kept(given: torch.dtype, wanted: torch.dtype) -> None:
    assert at_least_float32(torch.ones(2, dtype=given)).dtype == wanted


def test_the_fewest_digits_give_the_same_number_back() -> None:
    values = torch.rand(3, 5)
    digits = shortest(values)
    assert torch.equal(torch.tensor(digits), values) and shortest(torch.tensor(0.9)) == 0.9
