"""Single values of a JSON annotation file, checked: each function gives the value or raises a Fault that explains."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unified.data.paths import missing
from unified.errors import DataError

Entry = Mapping[str, Any]

_LISTS = "a COCO file is an object with the lists images, annotations and categories"
_TOO_LARGE = 2**53  # from here on a float no longer tells whole numbers apart
_REWRITE = "Was it copied in full? Write it again with a JSON library."


class Fault(Exception):
    """A value that cannot be used. `kind` groups like faults, `message` says what was got and what is allowed."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message

    def __reduce__(self) -> tuple[type[Fault], tuple[str, str]]:
        return type(self), (self.kind, self.message)


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises DataError, with line and column where it is malformed."""
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError as fault:
        raise missing(path, "annotation file") from fault
    except OSError as fault:
        raise DataError(f"{path}: the annotation file cannot be read: {fault.strerror}.") from fault
    except json.JSONDecodeError as fault:
        place = f"malformed JSON at line {fault.lineno}, column {fault.colno}: {fault.msg}"
        raise DataError(f"{path}: {place if fault.doc.strip() else 'the file is empty'}. {_REWRITE}") from fault
    except UnicodeDecodeError as fault:
        raise DataError(f"{path}: not UTF-8 text (byte {fault.start}). {_REWRITE}") from fault
    except (ValueError, RecursionError) as fault:
        raise DataError(f"{path}: not a sensible JSON file ({fault}). {_REWRITE}") from fault


def entries(data: Any, key: str, path: Path) -> list[Any]:
    """The list `data[key]` of a COCO file. Raises DataError where there is none."""
    if not isinstance(data, dict):
        raise DataError(f"{path}: the file holds {show(data)}; {_LISTS}.")
    if key not in data:
        there = ", ".join(map(repr, list(data)[:8])) or "nothing"
        raise DataError(f"{path}: the list {key!r} is missing; there is {there}; {_LISTS}.")
    if not isinstance(data[key], list):
        raise DataError(f"{path}: {key!r} is {show(data[key])}; {_LISTS}.")
    return list(data[key])


def present(entry: Entry, key: str) -> Any:
    if key not in entry:
        there = ", ".join(map(repr, list(entry)[:8])) or "nothing"
        raise Fault("missing value", f"has no {key!r}; there is {there}")
    return entry[key]


def identifier(entry: Entry, key: str) -> int | str:
    """A whole number or a string."""
    value = present(entry, key)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise Fault("wrong type", f"{key} is {show(value)}; allowed: a whole number or a string")
    return value


def whole(entry: Entry, key: str, least: int | None = None) -> int:
    """A whole number, also written as 640.0."""
    value = present(entry, key)
    if not _is_number(value) or not _is_finite(value) or value != int(value):
        raise Fault("wrong type", f"{key} is {show(value)}; allowed: a whole number")
    if abs(value) >= _TOO_LARGE:
        raise Fault("bad value", f"{key} is {show(value)}; allowed: less than 2^53")
    if least is not None and value < least:
        raise Fault("bad value", f"{key} is {show(value)}; allowed: {least} or more")
    return int(value)


def identity_key(entry: Entry) -> str:
    """Where a COCO annotation says which object it is: `identity`, or `track_id`."""
    return "track_id" if entry.get("identity") is None else "identity"


def text(entry: Entry, key: str) -> str:
    """A string that is not blank."""
    value = present(entry, key)
    if not isinstance(value, str):
        raise Fault("wrong type", f"{key} is {show(value)}; allowed: text")
    if not value.strip() or "\0" in value:
        raise Fault("bad value", f"{key} is {show(value)}; allowed: text that is not blank")
    return value


def number(entry: Entry, key: str) -> float:
    """A finite number, zero or more."""
    value = present(entry, key)
    if not _is_number(value):
        raise Fault("wrong type", f"{key} is {show(value)}; allowed: a number")
    if not (_is_finite(value) and value >= 0):
        raise Fault("bad value", f"{key} is {show(value)}; allowed: a finite number, 0 or more")
    return float(value)


def box(entry: Entry) -> tuple[float, float, float, float]:
    """`bbox` as x, y, w, h: finite, w and h above 0."""
    value = present(entry, "bbox")
    if not isinstance(value, list) or len(value) != 4 or not all(map(_is_number, value)):
        raise Fault("wrong type", f"bbox is {show(value)}; allowed: four numbers x, y, width, height")
    if not all(map(_is_finite, value)):
        raise Fault("non-finite number", f"bbox is {show(value)}; allowed: finite numbers")
    x, y, w, h = map(float, value)
    if w <= 0 or h <= 0:
        kind = "negative box" if w < 0 or h < 0 else "zero-size box"
        raise Fault(kind, f"bbox is {show(value)}; allowed: width and height above 0")
    return x, y, w, h


def show(value: object) -> str:
    """A JSON value as it stands in the file, cut where it is long."""
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= 80 else f"{shown[:77]}…"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_finite(value: float) -> bool:
    """Also holds back whole numbers that no float can stand for."""
    return abs(value) < _TOO_LARGE if isinstance(value, int) else math.isfinite(value)
