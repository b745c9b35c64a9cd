from __future__ import annotations

import pytest

from tasks.caption.corpus import BESIDE, NAMES, most_common, score_corpus
from tasks.caption.words import TOKENIZER, words

REFERENCES = [
    ["A red dog runs on the grass.", "a red dog runs on grass", "a dog"],
    ["Two cats sleep on a bed.", "two cats sleep on the bed", "a dog"],
]


def test_scores_come_with_tokenizer_references_oracle_and_constant() -> None:
    scores = score_corpus(["a red dog runs on the grass", "a dog"], REFERENCES)

    assert list(scores.numbers) == [*NAMES, *(f"{who}_{name}" for who in ("oracle", "constant") for name in BESIDE)]
    assert scores.notes["tokenizer"] == TOKENIZER
    assert scores.notes["references"] == "6 of 2 pictures"
    assert scores.notes["constant"].endswith("'a dog'")
    assert [row["speaker"] for row in scores.tables["beside"]] == ["model", "oracle", "constant"]
    assert scores.tables["beside"][0]["CIDEr_D"] == scores.numbers["CIDEr_D"]


def test_the_oracle_is_the_first_reference_against_the_others() -> None:
    scores = score_corpus(["x", "y"], REFERENCES)
    oracle = score_corpus([several[0] for several in REFERENCES], [several[1:] for several in REFERENCES])
    for name in BESIDE:
        assert scores.numbers[f"oracle_{name}"] == oracle.numbers[name]


def test_the_constant_is_the_most_common_reference() -> None:
    scores = score_corpus(["x", "y"], REFERENCES)
    constant = score_corpus(["a dog"] * 2, REFERENCES)
    for name in BESIDE:
        assert scores.numbers[f"constant_{name}"] == constant.numbers[name]


def test_of_references_that_all_differ_the_one_of_common_words_is_taken() -> None:
    references = [[words("a b"), words("q r")], [words("a c")], [words("a b d")]]
    assert most_common(references) == words("a b")


def test_with_one_reference_there_is_no_oracle_and_it_is_said() -> None:
    scores = score_corpus(["a red dog", "two cats"], [["a red dog"], ["two cats sleep"]])
    assert scores.numbers["oracle_BLEU_4"] is None and "two references" in scores.notes["oracle"]
    assert scores.numbers["CIDEr_D"] is not None


def test_pictures_without_a_second_reference_are_counted_out_of_the_oracle() -> None:
    scores = score_corpus(["a", "b", "c"], [*REFERENCES, ["one sentence"]])
    assert scores.notes["oracle"] == "without 1 pictures that have one reference only"
    assert scores.numbers["oracle_BLEU_4"] == score_corpus(["a", "b"], REFERENCES).numbers["oracle_BLEU_4"]


def test_one_picture_has_no_cider_and_it_is_said_why() -> None:
    scores = score_corpus(["a red dog"], REFERENCES[:1])
    assert scores.numbers["CIDEr_D"] is None and "picture alone" in scores.notes["CIDEr_D"]
    assert scores.numbers["BLEU_1"] == pytest.approx(1)


def test_no_picture_has_no_score() -> None:
    scores = score_corpus([], [])
    assert set(scores.numbers.values()) == {None} and "no picture has captions" in scores.notes["scores"]


@pytest.mark.parametrize("said", ["", "...", "🐶", "собака", "word " * 400])
def test_whatever_is_said_gets_a_score(said: str) -> None:
    scores = score_corpus([said, "two cats"], REFERENCES)
    assert all(value is not None and 0 <= value <= 10 for value in scores.numbers.values())


def test_emoji_and_other_scripts_count_as_words() -> None:
    references = [["собака бежит 🐶"], ["a cat"]]
    assert score_corpus(["собака бежит 🐶", "a cat"], references).numbers["BLEU_1"] == pytest.approx(1)
    assert score_corpus(["собака бежит 🐱", "a cat"], references).numbers["BLEU_1"] == pytest.approx(4 / 5)
