"""The picture files of a folder, and their sizes: most formats say nothing of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from unified.data.paths import listing
from unified.data.picture import PictureFault, picture_size
from unified.errors import DataError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})

_PROBED = 16  # pictures looked for to find the folder that names are relative to
_THREADS = 8  # reading headers waits for the disk more than it computes


def is_picture(name: str) -> bool:
    """By the suffix; hidden files are none."""
    return os.path.splitext(name)[1].lower() in SUFFIXES and not name.startswith(".")


def pictures_in(folder: Path) -> list[Path]:
    """All pictures in a folder and in those within it, linked ones too, sorted; none where there is no such folder.

    A link to a folder that is looked through anyway, or to one that holds such, is not followed: each counts once.
    """
    found: list[Path] = []
    walked = [Path(folder).resolve()]

    def is_new(path: Path) -> bool:
        if not path.is_symlink():
            return True
        real = path.resolve()
        new = not any(real.is_relative_to(other) or other.is_relative_to(real) for other in walked)
        walked.extend([real] if new else [])
        return new

    for at, folders, names in os.walk(folder, followlinks=True):
        found += [Path(at, name) for name in names if is_picture(name)]
        folders[:] = [name for name in sorted(folders) if is_new(Path(at, name))]
    return sorted(found)


def holds_pictures(folder: Path) -> bool:
    """The folder has a picture directly in it."""
    try:
        with os.scandir(folder) as entries:
            return any(is_picture(entry.name) for entry in entries)
    except OSError:
        return False


def folders_in(folder: Path) -> list[Path]:
    """The folders directly in a folder, sorted; none where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except OSError:
        return []


def measure(paths: Sequence[Path]) -> list[tuple[int, int] | PictureFault]:
    """(width, height) of each picture as it stands upright, from its header, or why it cannot be read."""
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(_size_of, paths))


def _size_of(path: Path) -> tuple[int, int] | PictureFault:
    try:
        return picture_size(path)
    except PictureFault as fault:
        return fault


def find_root(candidates: Sequence[Path], files: Sequence[str], source: Path, key: str) -> Path:
    """The folder that holds most of some pictures: layouts differ in what file names are relative to.

    Raises DataError where none of them is there; `key` is what `source` calls the names.
    """
    probes = files[:: max(len(files) // _PROBED, 1)]
    hits = [sum((folder / file).is_file() for file in probes) for folder in candidates]
    if not any(hits):
        looked_for = "\n".join(f"  {folder / file}" for folder in candidates for file in files[:3])
        nearest = next((folder for folder in candidates if folder.is_dir()), source.parent)
        raise DataError(
            f"{source}: its pictures are not there. Looked for, among others:\n{looked_for}\n"
            f"{nearest} holds {listing(nearest)}. Put the pictures there, or correct {key}."
        )
    return candidates[hits.index(max(hits))]
