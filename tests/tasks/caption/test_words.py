from __future__ import annotations

import pytest

from tasks.caption.words import words


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("A dog, a cat.", "a dog a cat"),
        ("The men's dog doesn't bark!", "the men 's dog does n't bark"),
        ("It can't, and cannot, run", "it ca n't and can not run"),
        ("a T-shirt at 5:54pm for 1,000.50", "a t-shirt at 5:54 pm for 1,000.50"),
        ("two o'clock in the U.S. today...", "two o'clock in the u.s. today"),
        ("the boy’s “toy” -- (red)", "the boy 's toy red"),
        ("salt & pepper", "salt & pepper"),
        ("a dog 🐶🐶 runs", "a dog 🐶 🐶 runs"),
        ("Собака бежит", "собака бежит"),
        ("狗在跑", "狗在跑"),
        ("un cafe\u0301 noir", "un caf\u00e9 noir"),  # as macOS writes it
        (" ... ", ""),
        ("", ""),
    ],
)
def test_a_text_is_split_like_the_treebank(text: str, wanted: str) -> None:
    assert words(text) == wanted.split()
