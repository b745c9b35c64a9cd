from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.caption.cider import Cider, cider_d
from tasks.caption.words import words

SENTENCE = st.lists(st.sampled_from("abcde"), min_size=1, max_size=8)
PICTURES = st.lists(st.tuples(SENTENCE, st.lists(SENTENCE, min_size=1, max_size=3)), min_size=1, max_size=4)


def naive(said: list[list[str]], references: list[list[list[str]]]) -> list[float]:
    """The formula, n by n, with dense vectors over all n-grams of that length."""
    return [sum(scores) / 4 for scores in zip(*(naive_n(said, references, n) for n in range(1, 5)), strict=True)]


def naive_n(said: list[list[str]], references: list[list[list[str]]], n: int) -> list[float]:
    everything = [*said, *(one for several in references for one in several)]
    every = sorted({gram for one in everything for gram in grams(one, n)})
    df = np.array([sum(any(gram in grams(one, n) for one in several) for several in references) for gram in every])
    idf = math.log(len(references)) - np.log(np.maximum(df, 1))
    scores = []
    for sentence, several in zip(said, references, strict=True):
        a = np.array([grams(sentence, n).count(gram) for gram in every]) * idf
        cosines = []
        for other in several:
            b = np.array([grams(other, n).count(gram) for gram in every]) * idf
            norms = np.linalg.norm(a) * np.linalg.norm(b)
            penalty = math.exp(-((len(grams(sentence, 2)) - len(grams(other, 2))) ** 2) / 72)
            cosines.append(penalty * np.minimum(a, b) @ b / norms if norms else 0.0)
        scores.append(10 * float(np.mean(cosines)))
    return scores


def grams(sentence: list[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(sentence[i : i + n]) for i in range(len(sentence) - n + 1)]


@settings(max_examples=60, deadline=None)
@given(PICTURES)
def test_scores_are_those_of_the_formula(pictures: list[tuple[list[str], list[list[str]]]]) -> None:
    said, references = [one for one, _ in pictures], [several for _, several in pictures]
    assert cider_d(said, references) == pytest.approx(naive(said, references), abs=1e-9)


def test_the_only_reference_itself_scores_10() -> None:
    references = [[words("a b c d e")], [words("f g h i j")]]
    assert cider_d([words("a b c d e"), words("f g h i k")], references)[0] == pytest.approx(10)


def test_one_picture_alone_cannot_be_told() -> None:
    assert cider_d([words("a b")], [[words("a b")]]) == [0]
    assert not Cider.of([[words("a b")]]).can_tell
    assert not Cider.of([[words("a b")]] * 3).can_tell
    assert Cider.of([[words("a b")], [words("a c")]]).can_tell


def test_repeating_a_word_earns_nothing() -> None:
    references = [[words("red star")], [words("blue ring")]]
    once, thrice = (cider_d([words(said), []], references)[0] for said in ("red star", "red red red star"))
    assert thrice < once
