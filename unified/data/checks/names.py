"""How the annotations name their pictures: spelling, suffixes, paths that leave the data set, files listed twice."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from unified.data import paths
from unified.data.checks import kinds
from unified.data.checks.split import Problem, Split, Target
from unified.data.findings import Finding
from unified.data.paths import relative

# What a name may end in; the first is what a mended name gets.
SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "BMP": (".bmp", ".dib"),
    "TIFF": (".tif", ".tiff"),
}
_PICTURES = frozenset(suffix for several in SUFFIXES.values() for suffix in several)
_SHOWN = 3  # names in one message


def check_names(split: Split) -> Iterator[Problem]:
    """The file names of one split."""
    annotations, first = split.annotations, dict[str, int]()
    for i, seen in enumerate(split.seen):
        name, path = annotations.files[i], seen.path
        if path != annotations.path(i):
            there = relative(path, annotations.root)
            yield Problem(kinds.MISSPELT_NAME, f"{name!r} is not there, {there!r} is", Target.PICTURE, i)
        if _is_outside(annotations.root, name, split.root):
            text = f"{name!r} leads out of {split.root}; allowed: paths relative to the data set, within it"
            yield Problem(kinds.PATH_OUTSIDE, text, Target.PICTURE, i)
        if seen.header is not None and path.suffix.lower() not in SUFFIXES[seen.header.format]:
            text = f"{path}: the file is a {seen.header.format}; its name ends in {path.suffix!r}"
            yield Problem(kinds.WRONG_SUFFIX, text, Target.PICTURE, i)
        earlier = first.setdefault(os.path.normpath(path), i)
        if earlier != i:
            text = f"{name!r} is listed already, as picture {annotations.image_ids[earlier]!r}"
            yield Problem(kinds.LISTED_TWICE, text, Target.PICTURE, i)


def find_pictures(root: Path, names: Iterable[str]) -> list[Path]:
    """The file that each name means; where there is none, the one that differs in case or slashes only."""
    listed: dict[Path, dict[str, str]] = {}  # folder → name without case → name

    def there(folder: Path, part: str) -> str:
        if part == ".." or (folder / part).exists():
            return part
        if folder not in listed:
            listed[folder] = {name.casefold(): name for name in paths.names(folder)}
        return listed[folder].get(part.casefold(), part)

    found = []
    for name in names:
        path = root / name
        if not path.exists() and not PurePosixPath(name).is_absolute():
            nearest = root
            for part in PureWindowsPath(name).parts:
                nearest /= there(nearest, part)
            path = nearest if nearest.exists() else path
        found.append(path)
    return found


def unlisted(splits: Iterable[Split], files: Iterable[str]) -> Iterator[Finding]:
    """Picture files beside the listed ones that no entry names, folder by folder.

    Not those of which, or of whose label `files`, something is said already.
    """
    blamed = {Path(file).stem for file in files}
    known, folders = set[str](), set[str]()
    for split in splits:
        paths_of_split = [os.path.normpath(seen.path) for seen in split.seen]
        known.update(paths_of_split)
        folders.update(os.path.dirname(path) for path in paths_of_split if _is_within(path, split.root))
    for folder in sorted(folders):
        spare = [
            name
            for name in paths.names(Path(folder))
            if os.path.splitext(name)[1].lower() in _PICTURES
            and os.path.join(folder, name) not in known
            and os.path.splitext(name)[0] not in blamed
        ]
        if spare:
            more = ", …" if len(spare) > _SHOWN else ""
            text = f"{len(spare)} are in no entry of the annotations: {', '.join(spare[:_SHOWN])}{more}"
            yield Finding(kinds.UNLISTED_PICTURES.name, folder, "", text, kinds.UNLISTED_PICTURES.severity)


def _is_outside(base: Path, name: str, root: Path) -> bool:
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive:
        return True
    return not _is_within(base / name, root)


def _is_within(path: str | Path, root: Path) -> bool:
    """As the path is written: links may lead where they like."""
    return Path(os.path.abspath(path)).is_relative_to(os.path.abspath(root))
