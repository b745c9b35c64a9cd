"""Scores equal those of the published evaluation on its own words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.caption.bleu import bleu
from tasks.caption.cider import cider_d
from tasks.caption.meteor import meteor, why_not
from tasks.caption.rouge import rouge_l
from tasks.caption.words import words


@pytest.fixture
def pictures(parity: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((parity / "caption_eval" / "captions.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def expected(parity: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((parity / "caption_eval" / "expected.json").read_text(encoding="utf-8"))
    return found


def test_scores_of_the_corpus_and_of_every_picture(pictures: list[dict[str, Any]], expected: dict[str, Any]) -> None:
    candidates = [picture["candidate_tokens"].split() for picture in pictures]
    references = [[text.split() for text in picture["reference_tokens"]] for picture in pictures]
    corpus, each = expected["corpus"], expected["per_image"]

    assert bleu(candidates, references) == pytest.approx([corpus[f"Bleu_{n}"] for n in range(1, 5)], abs=1e-6)
    for i, (candidate, several) in enumerate(zip(candidates, references, strict=True)):
        wanted = [each[f"Bleu_{n}"][i] for n in range(1, 5)]
        assert bleu([candidate], [several]) == pytest.approx(wanted, abs=1e-6)
        assert rouge_l(candidate, several) == pytest.approx(each["ROUGE_L"][i], abs=1e-6)
    found = cider_d(candidates, references)
    assert found == pytest.approx(each["CIDEr"], abs=1e-6)
    assert sum(found) / len(found) == pytest.approx(corpus["CIDEr"], abs=1e-6)


def test_words_are_those_of_the_published_tokenizer(pictures: list[dict[str, Any]]) -> None:
    pairs = [(picture["candidate"], picture["candidate_tokens"]) for picture in pictures]
    for picture in pictures:
        pairs += zip(picture["references"], picture["reference_tokens"], strict=True)
    assert len(pairs) == 601
    for text, wanted in pairs:
        assert words(text) == wanted.split(), text


@pytest.mark.slow
def test_meteor_is_the_published_programs(pictures: list[dict[str, Any]], expected: dict[str, Any]) -> None:
    if reason := why_not():
        pytest.skip(reason)
    candidates = [picture["candidate_tokens"].split() for picture in pictures]
    references = [[text.split() for text in picture["reference_tokens"]] for picture in pictures]
    assert meteor(candidates, references) == pytest.approx(expected["corpus"]["METEOR"], abs=1e-6)
