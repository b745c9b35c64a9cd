"""What `unified data check` says: numbers of every split, findings, and what was mended."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from unified.data.annotations import Annotations
from unified.data.dataset import Dataset
from unified.data.findings import Finding, counts, describe, errors_of
from unified.data.readers import Layout

SHOWN = 20  # changes spelt out for people


@dataclass(frozen=True, slots=True)
class SplitReport:
    """What one split holds; numbers count usable entries only."""

    split: str
    layout: str
    pictures: int = 0
    objects: int = 0
    crowds: int = 0
    without_objects: int = 0
    identities: int = 0
    captions: int = 0
    tags: int = 0
    classes: dict[str, int] = field(default_factory=dict)  # objects (or tags, without boxes) of each, crowds left out

    @classmethod
    def of(cls, annotations: Annotations, layout: Layout) -> SplitReport:
        rows = annotations.rows
        return cls(
            split=layout.split,
            layout=layout.name,
            pictures=len(annotations),
            objects=len(rows),
            crowds=int(rows.crowd.sum()),
            without_objects=int((np.diff(annotations.offsets) == 0).sum()) if annotations.boxed else 0,
            identities=annotations.taxonomy.identities,
            captions=len(annotations.captions.sentences) if annotations.captions is not None else 0,
            tags=int(annotations.tags.present.sum()) if annotations.tags is not None else 0,
            classes=Dataset(layout.name, layout.split, annotations).objects_by_category(),
        )

    def text(self) -> str:
        names = {"crowds": "crowd regions", "without_objects": "pictures without objects"}
        keys = ("pictures", "objects", "crowds", "without_objects", "identities", "captions", "tags")
        held = ", ".join(f"{n} {names.get(key, key)}" for key in keys if (n := asdict(self)[key]))
        classes = ", ".join(f"{name} {n}" for name, n in self.classes.items())
        return f"{self.split} ({self.layout}): {held or 'nothing usable'}" + (f"\n  {classes}" if classes else "")


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in a data set."""

    path: str
    splits: tuple[SplitReport, ...]
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """No errors; there may be notes."""
        return not errors_of(self.findings)

    def to_json(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "sound": self.sound,
            "splits": [asdict(split) for split in self.splits],
            "counts": counts(self.findings),
            "findings": [finding.to_json() for finding in self.findings],
        }

    def text(self) -> str:
        """For people: the numbers, then errors and notes."""
        errors = errors_of(self.findings)
        notes = [finding for finding in self.findings if finding.severity == "note"]
        lines = [split.text() for split in self.splits]
        lines += [f"{len(errors)} errors: {describe(errors)}" if errors else "no errors"]
        lines += [f"{len(notes)} notes: {describe(notes)}"] if notes else []
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Change:
    """A finding, and what became of it in the mended copy."""

    finding: Finding
    done: str

    def to_json(self) -> dict[str, Any]:
        return self.finding.to_json() | {"done": self.done}


@dataclass(frozen=True, slots=True)
class Mended:
    """A mended copy: what was found in the original, what was changed, and what is found in the copy."""

    original: Report
    changes: tuple[Change, ...]
    lost: tuple[str, ...]  # what the format cannot hold
    copy: Report

    @property
    def sound(self) -> bool:
        """Of the copy."""
        return self.copy.sound

    def to_json(self) -> dict[str, Any]:
        return self.original.to_json() | {
            "changes": [change.to_json() for change in self.changes],
            "lost": list(self.lost),
            "copy": self.copy.to_json(),
        }

    def text(self) -> str:
        """For people: the original, the changes, the copy."""
        lines = [self.original.text(), "", f"{self.copy.path}: a mended copy; {len(self.changes)} changes"]
        for change in self.changes[:SHOWN]:
            found = change.finding
            spot = ", ".join(filter(None, (found.file, f"line {found.line}" if found.line else "", found.where)))
            lines.append(f"  {spot}: {found.kind}: {change.done}")
        if len(self.changes) > SHOWN:
            lines.append(f"  … and {len(self.changes) - SHOWN} more (--json lists them all)")
        lines += [f"  not held by its format: {text}" for text in self.lost]
        return "\n".join([*lines, self.copy.text()])
