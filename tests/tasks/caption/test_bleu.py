from __future__ import annotations

import math

import pytest

from tasks.caption.bleu import bleu
from tasks.caption.words import words


def test_the_textbook_example_of_clipping() -> None:
    """'the' seven times matches only as often as one reference has it: 2 of 7 (Papineni et al., section 2.1)."""
    references = [words("the cat is on the mat"), words("there is a cat on the mat")]
    assert bleu([words("the the the the the the the")], [references])[0] == pytest.approx(2 / 7)


def test_what_a_reference_says_scores_1_and_something_else_0() -> None:
    references = [[words("a b c d e"), words("x y")], [words("f g h i")]]
    assert bleu([words("a b c d e"), words("f g h i")], references) == pytest.approx([1, 1, 1, 1])
    assert bleu([words("q"), words("r")], references)[0] == pytest.approx(0, abs=1e-6)


def test_a_text_shorter_than_its_closest_reference_is_penalised_over_the_corpus() -> None:
    said = [words("a b c"), words("a b c d e")]
    references = [[words("a b c d e f g h"), words("a b c d")], [words("a b c d e")]]
    assert bleu(said, references)[0] == pytest.approx(math.exp(1 - 9 / 8))


def test_of_two_equally_close_references_the_shorter_one_counts() -> None:
    assert bleu([words("a b c")], [[words("a b c d"), words("a b")]])[0] == pytest.approx(1)


def test_pictures_count_by_their_words_and_not_each_the_same() -> None:
    said = [words("a b c d"), words("q")]
    assert bleu(said, [[words("a b c d")], [words("r")]])[0] == pytest.approx(4 / 5)


def test_nothing_said_is_nothing_scored() -> None:
    assert bleu([[]], [[words("a b")]]) == [0, 0, 0, 0]
    assert bleu([[], words("a b")], [[words("a b")]] * 2)[0] == pytest.approx(math.exp(1 - 4 / 2))
