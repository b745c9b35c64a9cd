"""What is wrong with a data set: findings, collected rather than raised one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from unified.errors import DataError

SHOWN = 20  # findings spelt out in one message; all are counted

Severity = Literal["error", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault, or with severity `note` something worth knowing that does no harm."""

    kind: str  # "zero-size box": findings of a kind are counted together
    file: str
    where: str  # "annotations[17] (id 55)"; empty for the whole file, and where the line says enough
    message: str  # what was got, what is allowed
    severity: Severity = "error"
    line: int | None = None  # of the file, from 1; None where there are no lines to speak of

    def __str__(self) -> str:
        place = ", ".join(part for part in (self.where, f"line {self.line}" if self.line else "") if part)
        return ": ".join(part for part in (place, self.message) if part)

    def to_json(self) -> dict[str, str | int | None]:
        return asdict(self)


def errors_of(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity == "error"]


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """How many of each kind, most frequent first."""
    return dict(Counter(finding.kind for finding in findings).most_common())


def describe(findings: Sequence[Finding]) -> str:
    """The counts by kind and the first findings, file by file."""
    lines = [", ".join(f"{n} x {kind}" for kind, n in counts(findings).items())]
    file = None
    for finding in findings[:SHOWN]:
        if finding.file != file:
            file = finding.file
            lines.append(f"{file}:")
        lines.append(f"  {finding}")
    if len(findings) > SHOWN:
        lines.append(f"  … and {len(findings) - SHOWN} more")
    return "\n".join(lines)


def raise_errors(findings: Iterable[Finding], cure: str) -> None:
    """One DataError for all errors among the findings, if there are any."""
    faults = errors_of(findings)
    if faults:
        raise DataError(f"{len(faults)} fault{'s' * (len(faults) > 1)} in the data: {describe(faults)}\n{cure}")
