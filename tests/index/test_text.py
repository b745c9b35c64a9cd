"""Finding pictures by the words of their captions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.index.gallery import ORIGIN, SMALL, vectors
from unified.errors import ConfigError, DataError, RetrievalError
from unified.index.entry import Entry
from unified.index.folder import FolderBackend
from unified.index.index import Index
from unified.index.text import Mention, best, match

CAPTIONS = {
    "a.jpg": "A red star left of a blue ring.",
    "b.jpg": "Two red stars",
    "c.jpg": "a café in Köln",
    "d.jpg": "собака бежит",
    "e.jpg": 'a sign that says "NOT (a) NEAR*"',
    "f.jpg": None,
}


def entries() -> list[Entry]:
    """Two objects a picture, of two categories."""
    return [
        Entry(image, (0.0, 0.0, 5.0, 5.0), category, None, 0.5, caption)
        for image, caption in CAPTIONS.items()
        for category in ("dog", "bus")
    ]


def filled(folder: Path) -> Index:
    index = Index(FolderBackend.create(folder, ORIGIN, SMALL))
    index.add(vectors(2 * len(CAPTIONS)), entries())
    return index


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Not to be changed by any test."""
    return filled(tmp_path_factory.mktemp("text") / "index")


def names(found: list[Mention]) -> list[str]:
    return [mention.image for mention in found]


@pytest.mark.parametrize(
    ("text", "images"),
    [
        ("ring", ["a.jpg"]),
        ("RING!", ["a.jpg"]),
        ("rings", ["a.jpg"]),
        ("stars two", ["b.jpg", "a.jpg"]),
        ("a blue star", ["a.jpg", "b.jpg", "c.jpg", "e.jpg"]),
        ("Cafe", ["c.jpg"]),
        ("Cafe\u0301", ["c.jpg"]),
        ("Собака", ["d.jpg"]),
        ('"near*"', ["e.jpg"]),
        ("kite", []),
    ],
)
def test_pictures_are_found_by_any_word_in_any_form_the_rarer_first(index: Index, text: str, images: list[str]) -> None:
    found = index.mentions(text)
    assert set(names(found)) == set(images) and names(found)[:1] == images[:1]
    assert [mention.score for mention in found] == sorted((mention.score for mention in found), reverse=True)
    assert all(mention.score > 0 and mention.caption == CAPTIONS[mention.image] for mention in found)


def test_a_picture_is_found_once_with_all_its_entries(index: Index) -> None:
    (found,) = index.mentions("ring")
    assert [entry.image for entry in index.entries(found.ids)] == ["a.jpg"] * 2
    assert found.to_json() | {"score": 0} == {"score": 0, "image": "a.jpg", "caption": CAPTIONS["a.jpg"], "ids": (0, 1)}


def test_k_and_conditions_hold(index: Index) -> None:
    assert len(index.mentions("a", k=2)) == 2
    assert [index.entries(found.ids)[0].category for found in index.mentions("red", category="bus")] == ["bus"] * 2
    assert index.mentions("red", min_score=0.6) == []
    with pytest.raises(ConfigError, match="k is 0"):
        index.mentions("red", k=0)
    with pytest.raises(DataError, match="no entry is of category 'dgo'; did you mean 'dog'"):
        index.mentions("red", category="dgo")


OPERATORS = ["AND", "NEAR(", '"', "*", "caption:", "-", "^", "\0", ")", "''", ""]


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.sampled_from(OPERATORS))
def test_whatever_is_asked_for_is_no_syntax_error(index: Index, text: str, operator: str) -> None:
    assert "a.jpg" in names(index.mentions(f"{operator} {text} {operator} ring {operator}"))


@pytest.mark.parametrize("text", ["", "  ", "?!", "🐶", "\0", "\ud800"])
def test_a_text_without_a_word_is_an_error(index: Index, text: str) -> None:
    with pytest.raises(ConfigError, match=r"no word to look for|not valid Unicode"):
        index.mentions(text)


def test_what_was_removed_added_or_merged_is_known(tmp_path: Path) -> None:
    index = filled(tmp_path / "index")
    index.remove([0])
    assert index.mentions("ring")[0].ids == (1,)
    index.remove([1])
    assert index.mentions("ring") == []
    index.add(vectors(2, seed=1), [Entry("g.jpg", caption="a ring"), Entry("b.jpg", caption="a ring of stars")])
    assert set(names(index.mentions("ring"))) == {"g.jpg", "b.jpg"}
    (merged,) = [found for found in index.mentions("two stars") if found.image == "b.jpg"]
    assert merged.ids == (2, 3, 13)
    index.compact()
    assert set(names(index.mentions("ring"))) == {"g.jpg", "b.jpg"} and index.verify() == []
    again = Index.open(tmp_path / "index")
    assert again.mentions("ring") == index.mentions("ring")


def test_without_captions_it_is_said_where_they_come_from(tmp_path: Path) -> None:
    index = Index(FolderBackend.create(tmp_path / "index", ORIGIN, SMALL))
    for _ in range(2):
        with pytest.raises(RetrievalError, match=r"no captions are kept .*--data DIR.*the task caption"):
            index.mentions("ring")
        index.add(vectors(3), [replace(entry, caption=None) for entry in entries()[:3]])


def test_the_best_of_several_places_counts_and_ids_are_joined() -> None:
    found = [Mention(1.0, "a", "x", (3,)), Mention(2.0, "a", "y", (1, 2)), Mention(1.5, "b", "z", (9,))]
    assert best(found, 5) == [Mention(2.0, "a", "y", (1, 2, 3)), Mention(1.5, "b", "z", (9,))]
    assert names(best(found, 1)) == ["a"]


def test_words_are_quoted_one_by_one() -> None:
    assert match('a "b" c\0d !') == '"a" OR """b""" OR "c" OR "d"'
