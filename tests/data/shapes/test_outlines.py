from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from unified.data.shapes.arrays import Mask
from unified.data.shapes.outlines import inside
from unified.data.shapes.vocabulary import CATEGORIES

SIDE = 121
LINE = np.linspace(-1.2, 1.2, SIDE, dtype=np.float32)


def body(category: str, build: float, angle: float = 0.0) -> Mask:
    x, y = np.meshgrid(LINE, LINE)
    cos, sin = math.cos(angle), math.sin(angle)
    return inside(category, cos * x + sin * y, cos * y - sin * x, build)


@pytest.mark.parametrize("build", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("category", CATEGORIES)
def test_an_outline_fills_the_unit_disc_and_does_not_leave_it(category: str, build: float) -> None:
    x, y = np.meshgrid(LINE, LINE)
    mask = body(category, build)
    radius = np.hypot(x, y)[mask]
    assert radius.max() <= 1.13
    assert max(np.ptp(x[mask]), np.ptp(y[mask])) >= 1.4
    assert 0.2 <= mask.sum() / (radius.size and (np.hypot(x, y) < 1).sum()) <= 1.0


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(CATEGORIES, 2)))
def test_no_turn_makes_one_category_another(one: str, other: str) -> None:
    fixed = body(one, 0.5)
    overlaps = []
    for angle in np.linspace(0, 2 * math.pi, 24, endpoint=False):
        turned = body(other, 0.5, float(angle))
        overlaps.append((fixed & turned).sum() / (fixed | turned).sum())
    assert max(overlaps) < 0.85
