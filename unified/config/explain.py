"""Pydantic's errors → one message for each wrong key: what was got, what is allowed, the nearest valid key.

What is allowed is read off the JSON Schema, so that it names types, ranges and choices at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import groupby
from operator import eq
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from unified.config.problem import KeyPath, dotted
from unified.errors import nearest

Schema = Mapping[str, Any]

SHOWN = 60  # characters of a wrong value
MAX_DEPTH = 8  # of keys that a hint looks at; a schema may be recursive
_NOUNS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
    "null": "null",
    "array": "a list",
}


def explain(error: ValidationError, found: Any, schema: Schema, above: KeyPath = ()) -> list[tuple[KeyPath, str]]:
    """The wrong keys of `found`, the value at path `above` of the config that `schema` describes."""
    details = sorted(((_path(detail, found), detail) for detail in error.errors()), key=lambda pair: pair[0])
    groups = [(path, [detail for _, detail in pairs]) for path, pairs in groupby(details, key=lambda pair: pair[0])]
    # Where `number or mapping` is allowed, a mapping also fails as a number: the error further inside tells more.
    inner = [pair for pair in groups if not any(_inside(other, pair[0]) for other, _ in groups)]
    return [((*above, *path), _message((*above, *path), details, schema)) for path, details in inner]


def fragment(schema: Schema, path: KeyPath) -> Schema | None:
    """The part of the schema that describes the value at `path`, the first that fits of several; None if unknown."""
    parts = [schema]
    for key in path:
        parts = [inner for part in parts for inner in _inner(schema, part, key)]
    return parts[0] if parts else None


def describe(schema: Schema, part: Schema) -> str:
    """ "a whole number ≥ 1 or 'auto'"."""
    options = branches(schema, part)
    if len(options) > 1:
        return " or ".join(describe(schema, option) for option in options)
    part = options[0]
    if "const" in part or "enum" in part:
        return " or ".join(map(repr, part.get("enum") or [part["const"]]))
    if part.get("type") == "object":
        keys = part.get("properties")
        return f"a mapping of {', '.join(keys)}" if keys else "a mapping"
    text = _NOUNS.get(part.get("type", ""), "any value")
    if "pattern" in part:
        text += f" of the form {part['pattern'].strip('^$')}"
    bounds = (("≥", "minimum"), (">", "exclusiveMinimum"), ("≤", "maximum"), ("<", "exclusiveMaximum"))
    text += " and".join(f" {sign} {part[bound]}" for sign, bound in bounds if bound in part)
    return text + (f", a multiple of {part['multipleOf']}" if "multipleOf" in part else "")


def branches(schema: Schema, part: Schema) -> list[Schema]:
    """The alternatives of a part, references followed."""
    if "$ref" in part:
        return branches(schema, schema["$defs"][part["$ref"].rsplit("/", 1)[-1]])
    for union in ("anyOf", "oneOf", "allOf"):
        if union in part:
            return [branch for option in part[union] for branch in branches(schema, option)]
    return [part]


def _message(path: KeyPath, details: Sequence[ErrorDetails], schema: Schema) -> str:
    kinds = {detail["type"] for detail in details}
    if "extra_forbidden" in kinds:
        return f"unknown key; {_hint(path, schema)}"
    part = fragment(schema, path)
    if "missing" in kinds:
        return f"missing, but required: {part.get('description', '') if part else ''}"
    for detail in details:
        if detail["type"] in ("value_error", "assertion_error"):
            return str(detail["ctx"]["error"])
    allowed = describe(schema, part) if part else " or ".join(detail["msg"] for detail in details)
    return f"got {_shown(details[0]['input'])}; allowed: {allowed}"


def _hint(path: KeyPath, schema: Schema) -> str:
    parent = fragment(schema, path[:-1]) or {}
    siblings = [key for branch in branches(schema, parent) for key in branch.get("properties", ())]
    paths = list(_paths(schema, schema))
    elsewhere = [known for known in paths if known[-1] == path[-1]]
    if not elsewhere and not get_close_matches(path[-1], siblings):
        close = get_close_matches(path[-1], {known[-1] for known in paths}, n=1)
        elsewhere = [known for known in paths if known[-1] in close]
    if not elsewhere:
        return nearest(path[-1], siblings)
    # The right key in the wrong section; the section nearest to this one first.
    elsewhere.sort(key=lambda known: sum(map(eq, known, path)), reverse=True)
    return f"did you mean {' or '.join(repr(dotted(known)) for known in elsewhere[:2])}?"


def _path(detail: ErrorDetails, found: Any) -> KeyPath:
    """Where in the values an error is; pydantic's location also names the branches of unions that it tried."""
    path: list[str] = []
    for key in detail["loc"]:
        if key in (found if isinstance(found, dict) else range(len(found)) if isinstance(found, list) else ()):
            found = found[key]
        elif not (detail["type"] == "missing" and key == detail["loc"][-1]):
            continue
        path.append(str(key))
    return tuple(path)


def _inside(path: KeyPath, other: KeyPath) -> bool:
    return len(path) > len(other) and path[: len(other)] == other


def _inner(schema: Schema, part: Schema, key: str) -> Iterator[Schema]:
    for branch in branches(schema, part):
        if key in branch.get("properties", {}):
            yield branch["properties"][key]
        elif isinstance(branch.get("additionalProperties"), dict):
            yield branch["additionalProperties"]
        elif "items" in branch:
            yield branch["items"]


def _paths(schema: Schema, part: Schema, above: KeyPath = ()) -> Iterator[KeyPath]:
    """Every key that has a name, at any depth."""
    for branch in branches(schema, part):
        for key, inner in branch.get("properties", {}).items():
            yield (*above, key)
            if len(above) < MAX_DEPTH:
                yield from _paths(schema, inner, (*above, key))


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
