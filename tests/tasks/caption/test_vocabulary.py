from __future__ import annotations

import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.caption.vocabulary import BYTES_A_TOKEN, BYTES_BESIDE, Vocabulary
from unified.errors import CheckpointError, MissingExtraError

CAPTIONS = ["a red star on a blue ground", "two red stars", "a ring"] * 3
WORDS = [
    "A",
    "Dog",
    "star,",
    "🐶",
    "👩‍🚀",
    "Собака",
    "狗在跑",
    "<s>",
    "</s>",
    "<|endoftext|>",
    "naïve",
    '"',
    "\\",
    "5:54",
]


@pytest.fixture(scope="module")
def fitted() -> Vocabulary:
    vocabulary = Vocabulary.bytes_only(300)
    vocabulary.fit(CAPTIONS)
    return vocabulary


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8))
def test_any_text_comes_back_in_lower_case(fitted: Vocabulary, chosen: list[str]) -> None:
    text = " ".join(chosen)
    for vocabulary in (fitted, Vocabulary.bytes_only(300)):
        ids = vocabulary.encode(text)
        assert vocabulary.decode(ids) == text.lower()
        assert ids[-1] == vocabulary.end and vocabulary.start not in ids and max(ids) < len(vocabulary)


def test_frequent_words_are_one_token(fitted: Vocabulary) -> None:
    assert len(fitted.encode("a red star")) == 4
    assert len(Vocabulary.bytes_only(300).encode("a red star")) == len(" a red star") + 1


def test_a_text_ends_where_its_end_is(fitted: Vocabulary) -> None:
    first, second = fitted.encode("a ring"), fitted.encode("two")
    assert fitted.decode([*first, *second]) == "a ring"
    assert fitted.decode([]) == fitted.decode([fitted.end]) == ""


def test_no_more_ids_than_there_are_places_in_the_embedding(fitted: Vocabulary) -> None:
    assert 258 < len(fitted) <= fitted.size
    assert len(Vocabulary.bytes_only(300)) == 258


@pytest.mark.parametrize("letters", ["абвгдежзик", '"\\"\\"\\"\\"\\', "abcdefghij"])
def test_there_is_room_for_any_tokenizer(letters: str) -> None:
    generator = torch.Generator().manual_seed(0)
    captions = ["".join(letters[i] for i in torch.randperm(10, generator=generator)) for _ in range(1500)]
    vocabulary = Vocabulary.bytes_only(2000)
    vocabulary.fit(captions * 2)
    assert len(vocabulary) > 600
    assert int(vocabulary.json.count_nonzero()) < BYTES_A_TOKEN * len(vocabulary) + BYTES_BESIDE


def test_a_state_dict_holds_the_tokenizer(fitted: Vocabulary) -> None:
    again = Vocabulary.bytes_only(300)
    before = again.encode("two red stars")
    again.load_state_dict(fitted.state_dict())
    assert again.encode("two red stars") == fitted.encode("two red stars") != before


def test_a_tokenizer_with_more_ids_than_the_decoder_is_refused(fitted: Vocabulary) -> None:
    big = Vocabulary.bytes_only(400)
    big.fit(CAPTIONS + ["quick brown foxes jump over lazy dogs and many other animals too"] * 3)
    state = fitted.state_dict() | {"json": big.json[: len(fitted.json)]}
    assert len(big) > fitted.size
    with pytest.raises(CheckpointError, match=r"has \d+ ids, the decoder 300"):
        Vocabulary.bytes_only(300).load_state_dict(state)


def test_a_damaged_tokenizer_is_refused(fitted: Vocabulary) -> None:
    for json in (torch.zeros_like(fitted.json), fitted.json.flip(0)):
        with pytest.raises(CheckpointError, match="the checkpoint's tokenizer cannot be read"):
            Vocabulary.bytes_only(300).load_state_dict({"json": json})


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'unified\[caption\]'"):
        Vocabulary.bytes_only(300)
