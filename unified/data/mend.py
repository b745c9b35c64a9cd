"""`unified data check --fix`: a mended copy of a data set, in its own format. The original is only read.

What cannot be mended is left out, the rest is mended as `checks/kinds.py` says of each kind. The copy holds all that
`unified` reads, and nothing else of what the files may have held (masks, licences). It appears whole or not at all.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from unified.data.annotations import Annotations
from unified.data.check import Progress, check, examine
from unified.data.checks.draft import Draft, unite
from unified.data.checks.files import copy_pictures, names_of
from unified.data.checks.kinds import NO_LABELS, Fix, kind_of
from unified.data.checks.split import TRAIN, Problem
from unified.data.findings import Finding
from unified.data.paths import listing
from unified.data.readers import detect
from unified.data.report import Change, Mended
from unified.data.unfinished import unfinished
from unified.data.writers import WRITERS
from unified.errors import DataError

# What a check would mend in an entry, the reader has left out with the entry.
_WITH_ENTRY = (Fix.OBJECT_OUT, Fix.CAPTION_OUT, Fix.IDENTITY_OUT)


def mend(
    path: Path | str,
    out: Path | str,
    split: str | None = None,
    format: str | None = None,
    progress: Progress | None = None,
) -> Mended:
    """Check the data set in `path`, write a mended copy into the new folder `out`, and check that.

    Raises DataError: no data set, a folder `out` that is there or lies within `path`, nothing left to write, a split
    that the format has no name for.
    """
    source, target = Path(path), Path(out)
    _refuse(target, source)
    name = detect(source, format)[0].name
    writer = next(writer for writer in WRITERS if writer.name == name)
    examined = examine(source, split, format, progress)
    drafts = {id(one): Draft.of(one) for one in examined.splits}
    for draft in drafts.values():
        _leave_out(draft, examined.read)
    changes = [Change(finding, _done_by_reader(finding)) for finding in examined.read]
    for one, problem in examined.problems:
        drafts[id(one)].mend(problem)
        changes.append(Change(one.finding(problem), problem.kind.fix.value))
    changes += [Change(finding, kind_of(finding.kind).fix.value) for finding in examined.spare]
    with unfinished(target) as folder:
        splits = _stage(drafts.values(), folder / "pictures", changes)
        (folder / "data").mkdir()
        lost = writer.write(splits, folder / "data", _move)
        os.rename(folder / "data", target)
    made = tuple(change for change in changes if change.done != Fix.NONE.value)
    return Mended(examined.report, made, tuple(lost), check(target, format=name))


def _stage(drafts: Iterable[Draft], folder: Path, changes: list[Change]) -> dict[str, Annotations]:
    """Put the mended pictures into `folder`; the mended splits, as far as anything is left to learn from."""
    drafts = sorted(drafts, key=lambda draft: draft.split.name != TRAIN)  # whose classes come first
    taxonomy = unite([draft.split.annotations.taxonomy for draft in drafts])
    splits = {}
    for draft in drafts:
        name, names = draft.split.name, names_of(draft)
        mended = draft.annotations(taxonomy, folder / name, list(names.values()))
        if len(mended) and mended.labelled:
            copy_pictures(draft, names, folder / name)
            splits[name] = mended
        elif draft.split.annotations.labelled:  # or it was found to lack labels already
            finding = draft.split.finding(Problem(NO_LABELS, "nothing usable is left"))
            changes.append(Change(finding, NO_LABELS.fix.value))
    if not splits:
        raise DataError("nothing is left to write: no picture with a label, in any split, can be used.")
    return splits


def _leave_out(draft: Draft, found: Iterable[Finding]) -> None:
    """Pictures whose own label file cannot be believed."""
    labels = list(draft.split.origins.files)
    own = {file for file, pictures in Counter(labels).items() if pictures == 1}
    blamed = {finding.file for finding in found if kind_of(finding.kind).fix is Fix.PICTURE_OUT} & own
    draft.pictures &= [file not in blamed for file in labels]


def _done_by_reader(finding: Finding) -> str:
    fix = kind_of(finding.kind).fix
    return (Fix.ENTRY_OUT if fix in _WITH_ENTRY else fix).value


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, target)


def _refuse(target: Path, source: Path) -> None:
    if target.resolve().is_relative_to(source.resolve()):
        raise DataError(f"{target}: lies within the data set {source}, which stays as it is. Name another folder.")
    if target.exists() or target.is_symlink():
        held = f" and holds {listing(target)}" if target.is_dir() else ""
        raise DataError(f"{target}: is there already{held}. The copy needs a new folder.")
