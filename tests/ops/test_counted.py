"""Numbers before nouns."""

from __future__ import annotations

import pytest

from unified.ops.counted import counted


@pytest.mark.parametrize(("number", "said"), [(0, "0 boxes"), (1, "1 box"), (2, "2 boxes")])
def test_one_is_singular(number: int, said: str) -> None:
    assert counted(number, "box", "boxes") == said


def test_most_plurals_end_in_s() -> None:
    assert (counted(1, "picture"), counted(3, "picture")) == ("1 picture", "3 pictures")
