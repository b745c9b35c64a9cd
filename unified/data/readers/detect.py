"""Which format a data set is in, found by looking at what is on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from unified.data.paths import listing, missing
from unified.data.readers.coco_layouts import COCO
from unified.data.readers.folders import FOLDERS
from unified.data.readers.layout import Format, Layout
from unified.data.readers.mot import MOT
from unified.data.readers.tables import CSV
from unified.data.readers.voc import VOC
from unified.data.readers.yolo import YOLO
from unified.errors import ConfigError, DataError, nearest

FORMATS: tuple[Format, ...] = (COCO, YOLO, VOC, MOT, CSV, FOLDERS)
_SAME_SPLIT = {"val": "valid", "valid": "val"}  # Roboflow writes "valid"


def find_splits(root: Path, format: str | None = None) -> Sequence[Layout]:
    """Every split under `root`, in the format that is asked for or else the one that is found.

    COCO's files are believed before all others, since they say most; plain image folders are believed last. Raises
    DataError where there is no such folder, or where it is in two formats of equal right.
    """
    return detect(root, format)[1]


def detect(root: Path, format: str | None = None) -> tuple[Format, Sequence[Layout]]:
    """The format of a folder, and its splits: none where nothing was found. Raises like `find_splits`."""
    if not root.is_dir():
        raise missing(root, "data set folder")
    formats = _asked_for(format)
    for rank in sorted({each.rank for each in formats}):
        found = [(each, layouts) for each in formats if each.rank == rank and (layouts := each.find(root))]
        if len(found) > 1:
            described = "\n".join(f"  {each.name}: {_splits(layouts)}" for each, layouts in found)
            raise DataError(
                f"{root}: in more than one format:\n{described}\nTake away the files of all but one, or say which is "
                f"meant: data.format={found[0][0].name} of a config, --format {found[0][0].name} of 'unified data'."
            )
        if found:
            return found[0]
    return formats[0], []


def find_layout(root: Path, split: str, format: str | None = None) -> Layout:
    """The files of one split. Raises DataError that says what was looked for and what is there."""
    layouts = find_splits(root, format)
    for name in (split, _SAME_SPLIT.get(split)):
        for layout in layouts:
            if layout.split == name:
                return layout
    paths = ((root / path, each.name) for each in _asked_for(format) for path in each.looked_for(split))
    wanted = "\n".join(f"  {path}   ({name})" for path, name in paths)
    there = _splits(layouts) if layouts else listing(root)
    raise DataError(f"{root}: no split {split!r}. Looked for:\n{wanted}\nThere is: {there}.")


def _asked_for(format: str | None) -> Sequence[Format]:
    if format is None:
        return FORMATS
    chosen = [each for each in FORMATS if each.name == format]
    if not chosen:
        raise ConfigError(f"format {format!r} is not known; {nearest(format, [each.name for each in FORMATS])}")
    return chosen


def _splits(layouts: Sequence[Layout]) -> str:
    return f"splits {', '.join(repr(layout.split) for layout in layouts)} ({layouts[0].name}, {layouts[0].source})"
