"""What a JSON parser keeps quiet about: keys that come twice, and the mark that some editors put first."""

from __future__ import annotations

import codecs
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unified.data.checks import kinds
from unified.data.findings import Finding
from unified.data.readers.json_lines import entry_starts


def check_json_text(path: Path) -> Iterator[Finding]:
    """The text of a JSON file that is sound otherwise: an object of lists."""
    raw = path.read_bytes()
    if raw.startswith(codecs.BOM_UTF8):
        mark = kinds.BYTE_ORDER_MARK
        yield Finding(mark.name, str(path), "", "the file starts with a byte order mark", mark.severity, 1)
    text = raw.decode("utf-8-sig")
    first = len(text) - len(text.lstrip())
    if not _twice(text, first):
        return
    for key in _twice(text, first, top_only=True):
        # Its last mention is the one that counts.
        yield _finding(path, "", key, text.count("\n", 0, text.rfind(json.dumps(key))) + 1)
    for name, starts in entry_starts(text).items():
        line, counted = 1, 0  # on from the entry before: a file may have a million
        for number, start in enumerate(starts):
            for key in _twice(text, start):
                line, counted = line + text.count("\n", counted, start), start
                yield _finding(path, f"{name}[{number}]", key, line)


def _twice(text: str, start: int, *, top_only: bool = False) -> list[str]:
    """The keys that some object in the value at `start` has more than once; `top_only`: that value itself."""
    found: list[list[str]] = []

    def keep(pairs: list[tuple[str, Any]]) -> None:
        """Called for every object, the outermost last; builds nothing, since only keys are asked for."""
        counted = Counter(key for key, _ in pairs) if len({key for key, _ in pairs}) < len(pairs) else {}
        if counted or top_only:
            found.append([key for key, times in counted.items() if times > 1])

    json.JSONDecoder(object_pairs_hook=keep).raw_decode(text, start)
    return found[-1] if top_only else [key for keys in found for key in keys]


def _finding(path: Path, where: str, key: str, line: int) -> Finding:
    kind = kinds.DUPLICATE_KEY
    message = f"the key {key!r} comes twice; the last one counts"
    return Finding(kind.name, str(path), where, message, kind.severity, line)
