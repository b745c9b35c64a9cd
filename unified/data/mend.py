"""`unified data check --fix`: a mended copy of a data set. The original is only read.

What cannot be mended is left out, the rest is mended as `checks/kinds.py` says of each kind. The copy is COCO JSON: it
holds all that `unified` reads, and nothing else of what the files may have held (masks, licences).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from unified.data.check import Progress, check, examine
from unified.data.checks.draft import Draft, unite
from unified.data.checks.files import copy_pictures, names_of
from unified.data.checks.kinds import NO_LABELS, Fix, kind_of
from unified.data.checks.split import Problem
from unified.data.paths import listing
from unified.data.report import Change, Mended, Report
from unified.data.write_coco import write_coco
from unified.errors import DataError


def mend(
    path: Path | str,
    out: Path | str,
    split: str | None = None,
    format: str | None = None,
    progress: Progress | None = None,
) -> Mended:
    """Check the data set in `path`, write a mended copy into the new or empty folder `out`, and check that.

    Raises DataError: no data set, a folder `out` that holds something or lies within `path`, nothing left to write.
    """
    source, target = Path(path), Path(out)
    _refuse(target, source)
    examined = examine(source, split, format, progress)
    drafts = [Draft.of(one) for one in examined.splits]
    by_split = dict(zip(map(id, examined.splits), drafts, strict=True))
    for one, problem in examined.problems:
        by_split[id(one)].mend(problem)
    changes = list(_changes(examined.report))
    taxonomy = unite([draft.split.annotations.taxonomy for draft in drafts])
    written = False
    for draft in drafts:
        folder, names = target / "images" / draft.split.name, names_of(draft)
        mended = draft.annotations(taxonomy, folder, list(names.values()))
        if len(mended) and mended.labelled:
            copy_pictures(draft, names, folder)
            write_coco(mended, target, draft.split.name)
            written = True
        elif draft.split.annotations.labelled:  # or that was found already
            finding = draft.split.finding(Problem(NO_LABELS, "nothing usable is left"))
            changes.append(Change(finding, NO_LABELS.fix.value))
    if not written:
        raise DataError(f"{source}: nothing is left to write: no picture with a label, in any split, can be used.")
    return Mended(examined.report, tuple(changes), check(target))


def _changes(report: Report) -> Iterator[Change]:
    """Every finding that the copy is free of, with what was done about it."""
    for finding in report.findings:
        fix = kind_of(finding.kind).fix
        if fix is not Fix.NONE:
            yield Change(finding, fix.value)


def _refuse(target: Path, source: Path) -> None:
    if target.resolve().is_relative_to(source.resolve()):
        raise DataError(
            f"{target}: lies within the data set {source}, which is not to be changed. Name another folder."
        )
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        held = f" and holds {listing(target)}" if target.is_dir() else ""
        raise DataError(f"{target}: is there already{held}. The copy needs a new or an empty folder.")
