from __future__ import annotations

import pytest
import torch

from unified.benchmark.network import relative_difference


def test_differences_are_counted_in_standard_deviations_over_nested_outputs() -> None:
    a = torch.randn(1000)
    assert relative_difference(a, a) == 0
    assert relative_difference({"x": [a, a]}, {"x": [a, a + 0.5 * a.std()]}) == pytest.approx(0.5, rel=1e-4)
