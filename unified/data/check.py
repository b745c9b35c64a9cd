"""`unified data check`: every picture opened, every annotation read, everything found wrong, nothing stopped at."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from unified.data.annotations import Annotations
from unified.data.dataset import Dataset
from unified.data.findings import Finding, counts, describe, errors_of
from unified.data.picture import open_picture
from unified.data.readers import Layout, find_layout, find_splits
from unified.data.transforms import LEAST_SIDE
from unified.errors import DataError

_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})


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
    classes: dict[str, int] = field(default_factory=dict)  # objects of each category, crowds left out

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


def check(path: Path | str, split: str | None = None, format: str | None = None) -> Report:
    """Read one split, or all of them, and open every picture. Raises DataError only where no data set is found."""
    root = Path(path)
    layouts = list(find_splits(root, format)) if split is None else []
    if not layouts:
        layouts = [find_layout(root, split or "train", format)]
    reports: list[SplitReport] = []
    findings: list[Finding] = []
    listed: set[Path] = set()
    for layout in layouts:
        try:
            parsed = layout.parse()
        except DataError as fault:
            reports.append(SplitReport(layout.split, layout.name))
            findings.append(Finding("unusable annotations", str(layout.source), "", str(fault)))
            continue
        annotations = parsed.annotations
        reports.append(_count(annotations, layout))
        findings += [*parsed.findings, *_check_labels(annotations, layout), *_check_pictures(annotations)]
        listed |= {annotations.path(i) for i in range(len(annotations))}
    # One split does not say which pictures of a shared folder belong to another.
    findings += _unlisted(listed) if split is None else []
    return Report(str(root), tuple(reports), tuple(findings))


def _count(annotations: Annotations, layout: Layout) -> SplitReport:
    rows = annotations.rows
    return SplitReport(
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


def _check_labels(annotations: Annotations, layout: Layout) -> Iterable[Finding]:
    file, rows = str(layout.source), annotations.rows
    if not annotations.labelled:
        yield Finding("no labels", file, "", "not one usable box, no captions, no tags")
    narrow = int(((rows.boxes[:, 2:] - rows.boxes[:, :2]).min(1, initial=np.inf) < LEAST_SIDE).sum())
    if narrow:
        text = f"{narrow} boxes are narrower than {LEAST_SIDE:g} pixels; augmentation leaves such out"
        yield Finding("narrow boxes", file, "", text, "note")
    shown = set() if annotations.tags is None else set(np.flatnonzero(annotations.tags.present.any(0)).tolist())
    unused = set(range(len(annotations.taxonomy))) - set(rows.categories.tolist()) - shown
    if unused:
        names = ", ".join(annotations.taxonomy.categories[k] for k in sorted(unused))
        yield Finding("unused categories", file, "", f"{len(unused)} categories have no object: {names}", "note")
    twice = len(annotations) - len(set(annotations.files))
    if twice:
        yield Finding("picture listed twice", file, "", f"{twice} files are listed under more than one id", "note")


def _check_pictures(annotations: Annotations) -> Iterable[Finding]:
    def fault_of(i: int) -> str | None:
        try:
            open_picture(annotations.path(i), expected=annotations.size(i))
        except DataError as fault:
            return str(fault)
        return None

    # Decoding releases the interpreter lock, so threads are enough.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for i, fault in enumerate(pool.map(fault_of, range(len(annotations)))):
            if fault is not None:
                file = str(annotations.path(i))
                where = f"image id {annotations.image_ids[i]!r}"
                yield Finding("bad picture", file, where, fault.removeprefix(f"{file}: "))


def _unlisted(listed: set[Path]) -> Sequence[Finding]:
    findings = []
    for folder in sorted({path.parent for path in listed}):
        files = folder.iterdir() if folder.is_dir() else ()
        spare = sorted(path.name for path in files if path.suffix.lower() in _SUFFIXES and path not in listed)
        if spare:
            text = f"{len(spare)} are in no entry of the annotations: {', '.join(spare[:3])}"
            findings.append(
                Finding("unlisted pictures", str(folder), "", text + (", …" if len(spare) > 3 else ""), "note")
            )
    return findings
