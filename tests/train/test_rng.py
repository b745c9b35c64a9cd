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


def test_a_block_may_draw_again_what_was_drawn_before() -> None:
    states = rng.capture()
    first = draws()
    now = rng.capture()
    with rng.replayed(states):
        assert draws() == first
    after = draws()
    rng.restore(now)
    assert draws() == after


def test_numbers_lead_to_draws_of_their_own() -> None:
    seen = []
    for numbers in ((0, 1), (1, 0), (0, 1)):
        rng.reseed(*numbers)
        seen.append(draws())
    assert seen[0] == seen[2] and not set(seen[0]) & set(seen[1])
