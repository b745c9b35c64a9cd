"""Config → YAML with the meaning of each key beside it; reading it back gives an equal config."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from unified.config.experiment import Config, schema_for
from unified.config.explain import fragment
from unified.config.problem import KeyPath
from unified.config.source import parse_value

COLUMN = 30  # where the comments start
_UNPRINTABLE = re.compile("[\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")  # in YAML, though not in JSON
_PLAIN = re.compile(r"(?!-$)[A-Za-z0-9_./~-][A-Za-z0-9_./~:+-]*(?<!:)")


def show(config: Config, *, comments: bool = True) -> str:
    """The whole config, defaults included."""
    schema = schema_for(config)
    lines = []
    for path, text in _lines(config.to_dict()):
        part = fragment(schema, path) if comments else None
        comment = " ".join(part.get("description", "").split()) if part else ""
        lines.append(f"{text:<{COLUMN}}# {comment}" if comment else text)
    return "\n".join(lines) + "\n"


def differences(before: Mapping[str, Any], after: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """`key.sub old → new` for every value that two configs, as `Config.to_dict` gives them, do not share."""
    for key in {**before, **after}:
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from differences(old, new, f"{above}{key}.")
        elif old != new:
            yield f"{above}{key} {_scalar(old)} → {_scalar(new)}"


def _lines(values: dict[str, Any], above: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    indent = "  " * len(above)
    for key, value in values.items():
        path = (*above, key)
        if isinstance(value, dict) and value:
            yield path, f"{indent}{_scalar(key)}:"
            yield from _lines(value, path)
        else:
            yield path, f"{indent}{_scalar(key)}: {_scalar(value)}"


def _scalar(value: Any) -> str:
    """JSON, which is YAML too, but without quotes around a plain word."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and _reads_as(value) == value:
        return value
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def _reads_as(text: str) -> Any:
    return parse_value(text, ("x",), "").values["x"]
