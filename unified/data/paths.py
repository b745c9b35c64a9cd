"""Paths that are not there: what to say about them."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from unified.errors import DataError

SHOWN = 8  # names of a folder in one message


def missing(path: Path, what: str) -> DataError:
    """The error for a `what` that should lie at `path`: names the nearest thing that exists."""
    if path.exists():
        return DataError(f"{path} is a {'folder' if path.is_dir() else 'file'}, and no {what}; give the path of one.")
    folder = path.parent
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    lost = path.relative_to(folder).parts[0] if folder in path.parents else path.name
    close = difflib.get_close_matches(lost, names(folder), n=1)
    hint = f"Did you mean {folder / close[0]}?" if close else f"{folder} exists and holds {listing(folder)}."
    return DataError(f"{path}: no such {what}. {hint}")


def names(folder: Path) -> list[str]:
    """What a folder holds, sorted; nothing where it may not be listed."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def listing(folder: Path) -> str:
    """The first names in a folder, for a message."""
    found = names(folder)
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(found[:SHOWN]) + more if found else "nothing"


def relative(path: Path, root: Path | str) -> str:
    """`path` as it is reached from `root`; where there is no way, as to another drive of Windows, the whole path."""
    try:
        return os.path.relpath(path, root)
    except ValueError:
        return os.path.abspath(path)
