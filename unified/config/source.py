"""YAML text → plain values, and the line of every key.

A small, safe part of YAML 1.2: mappings, lists, text, numbers, true, false and null. No tags, no anchors (so no
alias bombs), no repeated keys; `1e-3` is a number and `no` is a word, which YAML 1.1 has the other way round.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import yaml

from unified.config.problem import KeyPath, Origin, Problem, dotted

# Far above any real config (2 kB, 100 values), far below what would keep the parser busy for seconds.
MAX_VALUES = 10_000
MAX_DEPTH = 20
SHOWN = 20  # characters of an unreadable value

_TAG = "tag:yaml.org,2002:"
_SCALARS: dict[str, tuple[str, str, Callable[[str], Any]]] = {  # kind: pattern, first characters, reading
    "null": (r"~|null|Null|NULL|", "~nN", lambda text: None),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF", lambda text: text.lower() == "true"),
    "int": (r"[-+]?[0-9]+", "-+0123456789", int),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
        lambda text: float(text.lower().replace(".inf", "inf").replace(".nan", "nan")),
    ),
}


@dataclass(slots=True)
class Layer:
    """What one source says: nested plain values, the origin of every key, and what could not be understood."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[KeyPath, Origin] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def parse(text: str, source: str) -> Layer:
    """A whole YAML file. `source` is the name that messages show; problems are collected, never raised."""
    layer = Layer()
    node = _compose(text, source, layer)
    if isinstance(node, yaml.MappingNode):
        layer.values = _value(node, (), source, layer)
    elif node is not None:
        layer.problems.append(Problem(Origin(source, 1), "", "expected a mapping: `key: value` on each line"))
    return layer


def parse_value(text: str, path: KeyPath, source: str) -> Layer:
    """One value of the command line, put at `path`: a plain word or number, or a quoted text, [list] or {mapping}."""
    layer = Layer()
    node: yaml.Node | None
    if text.lstrip()[:1] in ("[", "{", '"', "'"):
        node = _compose(text, source, layer)
    else:  # not composed: a path may hold ` #` and `: `, which mean something else inside a file
        tag = _Loader("").resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
        node = yaml.ScalarNode(tag, text)
    value = None if node is None else _value(node, path, source, layer)
    if layer.problems:
        where = Origin(source)
        return Layer(problems=[Problem(where, found.path or dotted(path), found.message) for found in layer.problems])
    for key in reversed(path):
        value = {key: value}
    return Layer(cast(dict[str, Any], value), {key: Origin(source) for key in (*layer.origins, path)})


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """First character → the kinds that a plain scalar may be, as PyYAML wants them; "" is an empty scalar's."""
    resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for kind, (pattern, first, _) in _SCALARS.items():
        for character in [*first, ""] if kind == "null" else first:
            resolvers.setdefault(character, []).append((_TAG + kind, re.compile(rf"(?:{pattern})\Z")))
    return resolvers


class _Loader(yaml.BaseLoader):
    """Composes nodes and resolves their kinds; constructs no objects."""

    yaml_implicit_resolvers = _resolvers()


def _compose(text: str, source: str, layer: Layer) -> yaml.Node | None:
    try:
        refusal = _refusal(text)
        if refusal is None:
            node: yaml.Node | None = yaml.compose(text, Loader=_Loader)
            return node
        layer.problems.append(Problem(Origin(source, refusal[0]), "", refusal[1]))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        layer.problems.append(Problem(Origin(source, line), "", f"not valid YAML: {error.problem or error.context}"))
    except yaml.YAMLError as error:
        layer.problems.append(Problem(Origin(source), "", f"not valid YAML: {' '.join(str(error).split())}"))
    return None


def _refusal(text: str) -> tuple[int | None, str] | None:
    """The line and the reason why a text must not be composed. Composing recurses; reading the events does not."""
    depth = values = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = _line(event)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.NodeEvent):
            values += 1
            if event.anchor is not None:
                return line, "anchors (&) and aliases (*) are not allowed; share values through `base:`"
        if depth > MAX_DEPTH:
            return line, f"nested deeper than {MAX_DEPTH} levels"
        if values > MAX_VALUES:
            return line, f"more than {MAX_VALUES} values"
    return None


def _value(node: yaml.Node, path: KeyPath, source: str, layer: Layer) -> Any:
    if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
        return _mapping(node, path, source, layer)
    if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
        return [_value(item, (*path, str(i)), source, layer) for i, item in enumerate(node.value)]
    kind = node.tag.removeprefix(_TAG)
    if isinstance(node, yaml.ScalarNode) and kind == "str":
        return node.value
    if isinstance(node, yaml.ScalarNode) and kind in _SCALARS:
        try:
            return _SCALARS[kind][2](node.value)
        except ValueError:  # `!!int twelve`, or more digits than Python reads
            layer.problems.append(_problem(node, path, source, f"not a readable {kind}: {node.value[:SHOWN]!r}"))
            return None
    layer.problems.append(_problem(node, path, source, f"the tag {kind} is not allowed; write plain values"))
    return None


def _mapping(node: yaml.MappingNode, path: KeyPath, source: str, layer: Layer) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            layer.problems.append(_problem(key_node, path, source, "a key must be a word, not a list or a mapping"))
            continue
        key = (*path, key_node.value)
        if key_node.value in found:
            first = layer.origins[key].line
            layer.problems.append(_problem(key_node, key, source, f"said twice; the first time on line {first}"))
            continue
        layer.origins[key] = Origin(source, _line(key_node))
        found[key_node.value] = _value(value_node, key, source, layer)
    return found


def _problem(node: yaml.Node, path: KeyPath, source: str, message: str) -> Problem:
    return Problem(Origin(source, _line(node)), dotted(path), message)


def _line(part: yaml.Node | yaml.Event) -> int | None:
    """From 1; None for a value of the command line, which no file holds."""
    return part.start_mark.line + 1 if part.start_mark else None
