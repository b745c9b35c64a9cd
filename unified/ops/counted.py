"""Numbers before nouns."""

from __future__ import annotations


def counted(number: int, noun: str, many: str | None = None) -> str:
    """"1 picture", "3 pictures"; `many` where the plural is not noun + s."""
    return f"{number} {noun if number == 1 else many or noun + 's'}"
