"""On which line of a JSON file an entry stands: Python's parser does not tell, and people want to know."""

from __future__ import annotations

import json
import re
from pathlib import Path

_SPACE = re.compile(r"[ \t\n\r]*")


class EntryLines:
    """Asked for (list, number), says the line that the entry starts on.

    Reads the file a second time when it is first asked, since few files have faults.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: dict[str, list[int]] | None = None

    def __call__(self, name: str, i: int) -> int | None:
        if self._lines is None:
            self._lines = entry_lines(self._path.read_bytes().decode("utf-8-sig"))
        found = self._lines.get(name, ())
        return found[i] if i < len(found) else None


def entry_lines(text: str) -> dict[str, list[int]]:
    """{key: the line of each element} for the lists of the object that `text` is, which must be sound JSON."""
    starts = entry_starts(text)
    lines: dict[str, list[int]] = {}
    line, last = 1, 0
    for key, positions in starts.items():
        numbers = lines.setdefault(key, [])
        for position in positions:
            # Counting on from the last entry goes through the text once.
            line, last = line + text.count("\n", last, position), position
            numbers.append(line)
    return lines


def entry_starts(text: str) -> dict[str, list[int]]:
    """{key: where each element begins} of the lists of an object, in the order of the text."""
    decode = json.JSONDecoder().raw_decode
    starts: dict[str, list[int]] = {}

    def skip(at: int) -> int:
        """Past white space from `at` on."""
        found = _SPACE.match(text, at)
        return found.end() if found else at

    def after(at: int) -> int:
        """The next key or element after a value that ended at `at`, or the closing bracket."""
        at = skip(at)
        return skip(at + 1) if text[at] == "," else at

    at = skip(skip(0) + 1)
    while text[at] != "}":
        key, at = decode(text, at)
        at = skip(skip(at) + 1)
        if text[at] != "[":
            _, at = decode(text, at)
        else:
            starts.pop(key, None)  # of two equal keys JSON means the last
            found = starts.setdefault(key, [])
            at = skip(at + 1)
            while text[at] != "]":
                found.append(at)
                _, at = decode(text, at)
                at = after(at)
            at += 1
        at = after(at)
    return starts
