from __future__ import annotations

from pathlib import Path

from unified.data.checks.kinds import KINDS, Fix, kind_of

DOCS = Path(__file__).parent.parent.parent.parent / "docs/faults.md"


def test_every_kind_is_documented_as_it_is_declared() -> None:
    rows = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][1:]

    assert rows == [f"| {kind.name} | {kind.severity} | {kind.says} | {kind.fix.value} |" for kind in KINDS.values()]


def test_every_error_is_mended_or_left_out() -> None:
    assert all(kind.fix is not Fix.NONE for kind in KINDS.values() if kind.severity == "error")


def test_a_kind_of_a_reader_from_elsewhere_is_an_error_that_the_reader_left_out() -> None:
    kind = kind_of("wrong phase of the moon")

    assert (kind.severity, kind.fix) == ("error", Fix.ENTRY_OUT)
