from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.caption.rouge import BETA, longest_common_subsequence, rouge_l
from tasks.caption.words import words

SENTENCES = st.lists(st.sampled_from("abc"), max_size=7)


@settings(max_examples=60, deadline=None)
@given(SENTENCES, SENTENCES)
def test_the_longest_common_subsequence_is_that_of_trying_all(a: list[str], b: list[str]) -> None:
    subsequences = {picked for n in range(len(b) + 1) for picked in combinations(b, n)}
    longest = max(len(picked) for n in range(len(a) + 1) for picked in combinations(a, n) if picked in subsequences)
    assert longest_common_subsequence(a, b) == longest


def test_best_precision_and_best_recall_may_come_from_different_references() -> None:
    p, r = 3 / 4, 1 / 1
    expected = (1 + BETA**2) * p * r / (r + BETA**2 * p)
    assert rouge_l(words("a b c q"), [words("a b c d e f"), words("q")]) == pytest.approx(expected)


def test_from_nothing_in_common_to_the_same() -> None:
    assert rouge_l(words("a b"), [words("c d")]) == 0
    assert rouge_l([], [words("c d")]) == 0
    assert rouge_l(words("c d"), [words("c d"), words("a")]) == pytest.approx(1)
