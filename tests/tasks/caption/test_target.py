from __future__ import annotations

import pytest
import torch

from tasks.caption.target import NONE, choose, encode, references, take
from tests.tasks.caption.conftest import make_sample
from unified.data.sample import Labels

SAMPLES = [make_sample("ab", "abcde"), make_sample(labelled=False), make_sample("", " \n"), make_sample("x", "")]


def letters(caption: str) -> list[int]:
    return [ord(letter) for letter in caption]


def test_captions_become_rows_of_tokens() -> None:
    target = encode(SAMPLES, letters, 4)
    assert target["labelled"].tolist() == [True, False, False, True]
    assert target["count"].tolist() == [2, 0, 0, 1]
    assert target["references"].shape == (4, 2, 4)
    assert target["references"][0].tolist() == [[97, 98, NONE, NONE], [97, 98, 99, 100]]
    assert (target["references"][[1, 2]] == NONE).all()


def test_a_batch_without_captions_has_the_same_tensors() -> None:
    target = encode(SAMPLES[1:3], letters, 4)
    assert not target["labelled"].any() and target["references"].shape == (2, 1, 1)


@pytest.mark.parametrize(("captions", "wanted"), [(None, []), ((), []), (("", " "), []), (("a", " "), ["a"])])
def test_blank_captions_are_no_references(captions: tuple[str, ...] | None, wanted: list[str]) -> None:
    assert references(Labels(captions=captions)) == wanted


def test_every_reference_is_chosen_equally_often_and_none_that_is_not_there() -> None:
    target = {"count": torch.tensor([1, 2, 4]).repeat(1000)}
    chosen = choose(target, at_random=True).view(1000, 3)
    for column, count in enumerate((1, 2, 4)):
        shares = torch.bincount(chosen[:, column], minlength=count) / 1000
        assert len(shares) == count
        torch.testing.assert_close(shares, torch.full((count,), 1 / count), atol=0.06, rtol=0)
    assert not choose(target, at_random=False).any()


def test_the_chosen_references_are_taken_row_by_row() -> None:
    rows = torch.arange(12).view(3, 2, 2)
    assert take(rows, torch.tensor([1, 0, 1])).tolist() == [[2, 3], [4, 5], [10, 11]]
