from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unified.config.source import MAX_DEPTH, MAX_VALUES, parse, parse_value

TEXT = st.text(st.characters(max_codepoint=0xD7FF), max_size=100)  # YAML: a key has at most 1024 characters
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3), ("5E4", 5e4), ("1.", 1.0), (".5", 0.5), ("-3", -3), ("+3", 3), ("007", 7),
        ("true", True), ("False", False), ("null", None), ("~", None), ("", None),
        ("no", "no"), ("yes", "yes"), ("off", "off"), ("1:30", "1:30"), ("2020-01-01", "2020-01-01"),
        ("1_000", "1_000"), ("'1'", "1"), ("cuda:0", "cuda:0"), ("yolor-p6:T", "yolor-p6:T"),
        ("nano", "nano"), ("-", "-"), (".", "."),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    found = parse_value(text, ("key",), "command line")
    assert found.values == {"key": value} and type(found.values["key"]) is type(value)
    if text not in ("-", "."):
        assert parse(f"key: {text}", "a.yaml").values == {"key": value}


def test_infinity_and_nan_are_numbers_and_left_to_the_schema() -> None:
    values = parse("[.inf, -.INF, .nan]".replace("[", "key: ["), "a.yaml").values["key"]
    assert values[:2] == [math.inf, -math.inf] and math.isnan(values[2])


@given(st.dictionaries(TEXT, PLAIN, max_size=4))
def test_json_is_read_as_json(values: dict[str, object]) -> None:
    found = parse(json.dumps(values), "a.yaml")
    assert found.problems == [] and found.values == values


def test_every_key_knows_its_line() -> None:
    found = parse("a: 1\n\nb:\n  c: 2  # here\n  d: [x, {e: 3}]\n", "a.yaml")
    lines = {".".join(path): origin.line for path, origin in found.origins.items()}
    assert lines == {"a": 1, "b": 3, "b.c": 4, "b.d": 5, "b.d.1.e": 5}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\na: 2", 2, "said twice; the first time on line 1"),
        ("a:\n  b: 1\n  b: 2", 3, "said twice; the first time on line 2"),
        ("a: 1\nb: !!python/object/apply:os.system [ls]", 2, "tag"),
        ("a: !!int twelve", 1, "not a readable int: 'twelve'"),
        (f"a: {'9' * 5000}", 1, "not a readable int"),
        ("a: !!binary aGk=", 1, "tag binary"),
        ("a: &x [1]\nb: 2", 1, "anchors"),
        ("a: 1\nb: *x", 2, "anchors"),
        ("a: 1\n? [b, c]\n: 2", 2, "a key must be a word"),
        ("a: [1, 2", 1, "not valid YAML"),
        ("a: 1\n b: 2", 2, "not valid YAML"),
        ("a: \x00", None, "not valid YAML"),
        ("- a\n- b", 1, "a mapping"),
        ("word", 1, "a mapping"),
        ("a: 1\n---\nb: 2", 2, "not valid YAML"),
    ],
)
def test_what_is_no_plain_mapping_is_refused_with_its_line(text: str, line: int | None, words: str) -> None:
    (problem,) = parse(text, "a.yaml").problems
    assert words in problem.message
    assert (problem.origin.source, problem.origin.line) == ("a.yaml", line)


def test_an_alias_bomb_does_not_explode() -> None:
    rows = ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 20))]
    assert "anchors" in parse("\n".join(rows), "bomb.yaml").problems[0].message


def test_deep_and_endless_files_are_refused_before_they_are_built() -> None:
    assert f"deeper than {MAX_DEPTH}" in parse("[" * 100_000, "deep.yaml").problems[0].message
    assert f"more than {MAX_VALUES}" in parse("a: [" + "1, " * 100_000 + "1]", "long.yaml").problems[0].message


def test_an_empty_file_says_nothing() -> None:
    assert parse("# only a comment\n", "a.yaml").values == {}


def test_a_value_of_the_command_line_is_a_word_unless_it_is_marked_as_more() -> None:
    assert parse_value("my data #1: new", ("data",), "x").values == {"data": "my data #1: new"}
    assert parse_value("{start: 0, end: 1}", ("a", "b"), "x").values == {"a": {"b": {"start": 0, "end": 1}}}
    assert parse_value("[1, 2]", ("a",), "x").values == {"a": [1, 2]}
    assert parse_value('"3"', ("a",), "x").values == {"a": "3"}


def test_a_broken_value_of_the_command_line_is_named_by_its_key() -> None:
    found = parse_value("[1", ("train", "lr"), "command line")
    assert found.values == {}
    assert str(found.problems[0]).startswith("command line: train.lr: not valid YAML")
