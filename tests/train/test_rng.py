"""Random generators go back to where they were."""

from __future__ import annotations

import random

import numpy as np
import torch

from unified.train import rng


def draws() -> list[float]:
    legacy = np.random.rand(3), np.random.randn(3)  # noqa: NPY002
    return [
        random.random(),
        random.gauss(0, 1),
        *legacy[0],
        *legacy[1],
        *torch.rand(3).tolist(),
        *torch.randn(3).tolist(),
    ]


def test_the_same_numbers_come_again() -> None:
    random.gauss(0, 1)  # leaves a second normal number waiting, as do these
    np.random.randn()  # noqa: NPY002
    states = rng.capture()
    first = draws()
    assert draws() != first
    rng.restore(states)
    assert draws() == first
