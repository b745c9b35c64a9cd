"""Scoring a captions file: what is right with it, and what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.caption import meteor
from tasks.caption.corpus import score_corpus
from tasks.caption.score_files import score_files
from unified.errors import DataError

TRUTH = [
    {"image_id": 7, "caption": "A red dog runs."},
    {"image_id": "b", "caption": "Two cats."},
    {"image_id": 7, "caption": "a dog"},
]
SAID = [{"image_id": "b", "caption": "two cats"}, {"image_id": 7, "caption": "a red dog"}]


@pytest.fixture(autouse=True)
def no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)


def write(folder: Path, said: Any = SAID, truth: Any = TRUTH) -> tuple[Path, Path]:
    paths = folder / "said.json", folder / "truth.json"
    truth = {"annotations": truth} if isinstance(truth, list) else truth
    for path, data in zip(paths, (said, truth), strict=True):
        path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return paths


def test_files_score_like_their_sentences(tmp_path: Path) -> None:
    wanted = score_corpus(["two cats", "a red dog"], [["Two cats."], ["A red dog runs.", "a dog"]])
    found = score_files(*write(tmp_path))
    assert found.notes == wanted.notes | {"METEOR": "METEOR is a Java program, and there is no java here"}
    assert found.numbers == wanted.numbers | {"METEOR": None}


def test_where_meteor_can_run_it_gets_the_same_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def record(*texts: Any) -> float:
        asked.extend(texts)
        return 0.25

    monkeypatch.setattr(meteor, "why_not", lambda: None)
    monkeypatch.setattr(meteor, "meteor", record)
    found = score_files(*write(tmp_path))
    assert found.numbers["METEOR"] == 0.25 and "METEOR" not in found.notes
    references = [[["two", "cats"]], [["a", "red", "dog", "runs"], ["a", "dog"]]]
    assert asked == [[["two", "cats"], ["a", "red", "dog"]], references]


def test_an_empty_caption_scores_0(tmp_path: Path) -> None:
    said = [{"image_id": "b", "caption": ""}, {"image_id": 7, "caption": " "}]
    numbers = score_files(*write(tmp_path, said)).numbers
    assert numbers["BLEU_1"] == numbers["ROUGE_L"] == numbers["CIDEr_D"] == 0


@pytest.mark.parametrize(
    ("said", "truth", "words"),
    [
        ([*SAID, {"image_id": 8, "caption": "x"}], TRUTH, r"said\.json: \[2\]: image_id 8 is not among the 2 pictures"),
        (SAID[:1], TRUTH, r"1 of 2 pictures with references have no caption: 7"),
        ([*SAID, SAID[0]], TRUTH, r"\[2\]: a second caption of image_id 'b'"),
        ([{"image_id": "b"}], TRUTH, r"\[0\]: caption must be a string, got None"),
        ([{"caption": "x"}], TRUTH, r"\[0\]: image_id must be a whole number or a string, got None"),
        (["x"], TRUTH, r"\[0\]: expected an object with image_id and caption, got 'x'"),
        ({}, TRUTH, "expected a list of captions, got dict"),
        ("{", TRUTH, "is not JSON"),
        (SAID, [*TRUTH, {"image_id": 7, "caption": " "}], r"truth\.json: annotations\[3\]: the caption is blank"),
        (SAID, [], "must be a list of at least one caption"),
        (SAID, {}, "must be a list of at least one caption"),
        (SAID, "[]", "expected an object with the list 'annotations', got list"),
    ],
)
def test_a_wrong_file_is_named_with_its_fault(tmp_path: Path, said: Any, truth: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        score_files(*write(tmp_path, said, truth))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.json: cannot be read: No such file"):
        score_files(tmp_path / "gone.json", write(tmp_path)[1])
