"""`unified data check`: every picture opened, every annotation read, everything found wrong, nothing stopped at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from unified.data.checks import kinds
from unified.data.checks.boxes import check_boxes
from unified.data.checks.copies import check_copies
from unified.data.checks.identities import check_identities
from unified.data.checks.json_text import check_json_text
from unified.data.checks.labels import check_classes, check_labels
from unified.data.checks.names import check_names, find_pictures, unlisted
from unified.data.checks.pictures import check_pictures
from unified.data.checks.seen import look_at
from unified.data.checks.split import Problem, Split
from unified.data.findings import Finding
from unified.data.readers import Layout, find_layout, find_splits
from unified.data.report import Report, SplitReport
from unified.errors import DataError

Progress = Callable[[int, int], None]  # pictures opened, of how many

# To look for another kind of fault, declare it in kinds.py and write a check of one split; these run in this order.
CHECKS: tuple[Callable[[Split], Iterator[Problem]], ...] = (
    check_labels,
    check_names,
    check_pictures,
    check_boxes,
    check_identities,
)


@dataclass(frozen=True, slots=True)
class Examined:
    """A data set, with all that was found: by its reader, by the checks in what that kept, and beside it."""

    splits: tuple[Split, ...]
    read: tuple[Finding, ...]
    problems: tuple[tuple[Split, Problem], ...]
    spare: tuple[Finding, ...]
    report: Report


def check(
    path: Path | str, split: str | None = None, format: str | None = None, progress: Progress | None = None
) -> Report:
    """Read one split, or all of them, and open every picture. Raises DataError only where no data set is found."""
    return examine(path, split, format, progress).report


def examine(
    path: Path | str, split: str | None = None, format: str | None = None, progress: Progress | None = None
) -> Examined:
    """`check`, with what was read: for those who go on from there."""
    root = Path(path)
    layouts = list(find_splits(root, format)) if split is None else []
    if not layouts:
        layouts = [find_layout(root, split or "train", format)]
    splits: list[Split] = []
    reports: list[SplitReport] = []
    read: list[Finding] = []
    for layout in layouts:
        try:
            parsed = layout.parse()
        except DataError as fault:
            reports.append(SplitReport(layout.split, layout.name))
            read.append(_unusable(layout, fault))
            continue
        annotations = parsed.annotations
        reports.append(SplitReport.of(annotations, layout))
        read += parsed.findings
        seen = look_at(find_pictures(annotations.root, annotations.files), progress)
        silent = frozenset(
            finding.file for finding in parsed.findings if kinds.kind_of(finding.kind) is kinds.UNUSABLE_LABELS
        )
        splits.append(Split(layout.split, root, layout.source, annotations, parsed.origins, seen, silent))
        for file in parsed.json_files:
            read += check_json_text(file)
    problems = [(one, problem) for one in splits for run in CHECKS for problem in run(one)]
    problems += [*check_copies(splits), *check_classes(splits)]
    read = list(dict.fromkeys(read))  # what one file says of all splits is found with each of them
    # One split does not say which pictures of a shared folder belong to another.
    spare = tuple(unlisted(splits, {finding.file for finding in read})) if split is None else ()
    findings = (*read, *(one.finding(problem) for one, problem in problems), *spare)
    return Examined(tuple(splits), tuple(read), tuple(problems), spare, Report(str(root), tuple(reports), findings))


def _unusable(layout: Layout, fault: DataError) -> Finding:
    """The line is known to the parser that gave up; the message starts with the file, which may be that of captions."""
    cause, kind = fault.__cause__, kinds.UNUSABLE
    file = str(fault).partition(": ")[0]
    file = file if Path(file).exists() else str(layout.source)
    line: int | None = getattr(cause, "lineno", None)
    if isinstance(cause, UnicodeDecodeError):
        line = cause.object.count(b"\n", 0, cause.start) + 1
    return Finding(kind.name, file, "", str(fault).removeprefix(f"{file}: "), kind.severity, line)
