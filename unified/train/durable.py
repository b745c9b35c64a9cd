"""Files and folders that survive a kill, a full disk and a power cut: all of the old or all of the new, never both.

A folder is written beside its place and renamed into it. Between setting the old one aside and moving the new one in
there is a moment without either name; `standing` finds the folder that counts even then.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def write_synced(path: Path, data: bytes | memoryview) -> None:
    """Write a new file down to the disk."""
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace_file(path: Path, data: bytes, *, shared: bool = False) -> None:
    """Write a file in place of another of that name. `shared`: other processes may at once; the last one's stays."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new" if shared else f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    write_synced(fresh, data)
    os.replace(fresh, path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Bring the folder's list of names down to the disk."""
    if os.name == "nt":  # Windows has no such call
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def fresh_name(folder: Path) -> Path:
    """Where the next version of `folder` is written."""
    return folder.with_name(f".{folder.name}.new")


def aside_name(folder: Path) -> Path:
    """Where the last version waits while the next one moves in."""
    return folder.with_name(f".{folder.name}.old")


def standing(folder: Path, last_written: str) -> Path:
    """`folder`, or what stands in for it after a kill between the two renames of `move_in`.

    `last_written` is the file that is written last: a fresh folder which has it is complete.
    """
    if not folder.exists():
        if (fresh_name(folder) / last_written).is_file():
            return fresh_name(folder)
        if aside_name(folder).exists():
            return aside_name(folder)
    return folder


def move_in(folder: Path) -> None:
    """Put the complete and synced `fresh_name(folder)` in the place of `folder`."""
    fresh, aside = fresh_name(folder), aside_name(folder)
    sync_folder(fresh)
    if folder.exists():
        shutil.rmtree(aside, ignore_errors=True)
        os.rename(folder, aside)
    os.rename(fresh, folder)
    sync_folder(folder.parent)
    shutil.rmtree(aside, ignore_errors=True)


def sweep(folder: Path, last_written: str) -> None:
    """Clear what a killed writer left beside `folder`; whatever stands in for it is moved into its place first."""
    found = standing(folder, last_written)
    if found != folder:
        os.rename(found, folder)
        sync_folder(folder.parent)
    shutil.rmtree(fresh_name(folder), ignore_errors=True)
    shutil.rmtree(aside_name(folder), ignore_errors=True)
