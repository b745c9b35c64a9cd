from __future__ import annotations

import torch

from tasks.embedding.matching import AGAIN, NOTHING, match

TRUE = torch.tensor([[0.0, 0, 10, 10], [20, 0, 30, 10]])


def test_a_box_shows_the_object_it_overlaps_most() -> None:
    assert match(torch.tensor([[21.0, 0, 30, 10], [0, 0, 10, 9]]), TRUE).tolist() == [1, 0]


def test_an_object_is_shown_once_by_the_best_box() -> None:
    assert match(torch.tensor([[0.0, 0, 10, 9], [0, 0, 10, 10]]), TRUE).tolist() == [0, AGAIN]


def test_a_box_that_overlaps_too_little_shows_nothing() -> None:
    assert match(torch.tensor([[0.0, 0, 10, 4]]), TRUE).tolist() == [NOTHING]


def test_there_may_be_no_box_and_no_object() -> None:
    assert match(torch.zeros(0, 4), TRUE).tolist() == []
    assert match(TRUE, torch.zeros(0, 4)).tolist() == [NOTHING, NOTHING]
