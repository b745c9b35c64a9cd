"""Text files of labels: their lines, numbers in them, and lists of class names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from unified.data.fields import Fault
from unified.data.paths import missing
from unified.errors import DataError

_SHOWN = 60  # characters of a line in a message


def read_text(path: Path, what: str) -> str:
    """The whole file, which is UTF-8. Raises DataError; `what` names the kind of file."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as fault:
        raise missing(path, what) from fault
    except OSError as fault:
        raise DataError(f"{path}: the {what} cannot be read: {fault.strerror}.") from fault
    except UnicodeDecodeError as fault:
        raise DataError(f"{path}: not UTF-8 text (byte {fault.start}). Save it as UTF-8.") from fault


def lines_of(path: Path, what: str) -> list[tuple[int, str]]:
    """(number from 1, line) of all lines that are not blank. Raises DataError like `read_text`."""
    # Not splitlines: it also breaks at characters that editors do not count as ends of lines.
    rows = read_text(path, what).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [(number, row.strip()) for number, row in enumerate(rows, 1) if row.strip()]


def finite(word: str, what: str) -> float:
    """A finite number. Raises Fault."""
    try:
        value = float(word)
    except ValueError:
        raise Fault("bad value", f"{what} is {cut(word)!r}; allowed: a number") from None
    if not math.isfinite(value):
        raise Fault("non-finite number", f"{what} is {word}; allowed: a finite number")
    return value


def whole(word: str, what: str, *, least: int | None = None) -> int:
    """A whole number, also written as 3.0. Raises Fault."""
    value = finite(word, what)
    if value != int(value) or (least is not None and value < least):
        allowed = "a whole number" if least is None else f"a whole number, {least} or more"
        raise Fault("bad value", f"{what} is {cut(word)}; allowed: {allowed}")
    return int(value)


def cut(text: str) -> str:
    """The start of a text that may be long."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def read_classes(path: Path) -> list[str]:
    """The class names of a file with one name a line, in its order. Raises DataError for one that comes twice."""
    found: dict[str, int] = {}
    for number, name in lines_of(path, "list of classes"):
        if name in found:
            raise DataError(f"{path}:{number}: class {name!r} stands on line {found[name]} too; allowed: once each.")
        found[name] = number
    if not found:
        raise DataError(f"{path}: the list of classes is empty; write one name a line.")
    return list(found)


def known_class(name: str, classes: Sequence[str] | dict[str, int], file: Path) -> None:
    """Raises Fault for a name that the list of classes in `file` lacks."""
    if name not in classes:
        some = ", ".join(map(repr, list(classes)[:5])) + (", …" if len(classes) > 5 else "")
        raise Fault("unknown category", f"class {cut(name)!r} is not in {file.name}, which has {len(classes)}: {some}")
