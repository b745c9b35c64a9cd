"""Where the sequences of a MOTChallenge data set lie.

    {split}/SEQUENCE/img1/…  {split}/SEQUENCE/gt/gt.txt        as it is given out; without {split}, all is train
    images/SEQUENCE/…        gt/SEQUENCE_{split}.txt           a sequence cut in time: a split is from its first frame
                                                               with a line to its last

The folder of the frames may be another one where seqinfo.ini says so.
"""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from pathlib import Path

from unified.data.readers.pictures import folders_in

GT = "gt/gt.txt"
LABELS = "labels.txt"  # one class a line, from 1; in gt/, as CVAT writes it, or in the data set's folder
_INFO = "seqinfo.ini"


@dataclass(frozen=True, slots=True)
class Sequence:
    """The frames of one camera, and the file that says what is in them."""

    name: str
    frames: Path
    gt: Path
    cut: bool = False  # only the frames from the first to the last of `gt` belong to it


def find_sequences(root: Path) -> dict[str, list[Sequence]]:
    """{split: its sequences}; empty where there are none."""
    found: dict[str, list[Sequence]] = {}
    for folder in folders_in(root):
        if (folder / GT).is_file():
            found.setdefault("train", []).append(_whole(folder))
        for inner in folders_in(folder):
            if (inner / GT).is_file():
                found.setdefault(folder.name, []).append(_whole(inner))
    for path in sorted((root / "gt").glob("*.txt")):
        name, _, split = path.stem.rpartition("_")
        frames = next((place for place in (root / "images" / name, root / name) if name and place.is_dir()), None)
        if frames is not None:
            inner = frames / "img1"
            found.setdefault(split, []).append(Sequence(name, inner if inner.is_dir() else frames, path, cut=True))
    return found


def _whole(folder: Path) -> Sequence:
    info = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        info.read(folder / _INFO, encoding="utf-8-sig")
        frames = info.get("Sequence", "imDir", fallback="img1")
    except (configparser.Error, UnicodeDecodeError):
        frames = "img1"  # the usual name; the file says nothing else that the pictures do not
    return Sequence(folder.name, folder / frames, folder / GT)
