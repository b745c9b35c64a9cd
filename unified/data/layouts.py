"""Where the files of a data set lie: the layouts in use, found by looking.

To read another format (YOLO, VOC, MOT), add its layouts here and a reader beside `coco.py` that returns Annotations.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from unified.data.paths import listing, missing
from unified.errors import DataError


@dataclass(frozen=True, slots=True)
class Layout:
    """One split of a data set on disk."""

    name: str
    split: str
    instances: Path
    images: tuple[Path, ...]  # folders that file names may be relative to, likeliest first
    captions: Path | None  # None where there is no such file


@dataclass(frozen=True, slots=True)
class _Pattern:
    name: str
    instances: str
    images: tuple[str, ...]
    captions: str

    def splits(self, root: Path) -> list[str]:
        """The splits for which the annotation file is there."""
        regex = re.compile(re.escape(self.instances).replace(re.escape("{split}"), "(.+)"))
        files = (path.relative_to(root).as_posix() for path in sorted(root.glob(self.instances.format(split="*"))))
        return [match[1] for match in map(regex.fullmatch, files) if match]

    def at(self, root: Path, split: str) -> Layout:
        captions = root / self.captions.format(split=split)
        folders = tuple(root / folder.format(split=split) for folder in self.images)
        instances = root / self.instances.format(split=split)
        return Layout(self.name, split, instances, folders, captions if captions.is_file() else None)


_COCO_FOLDERS = ("images/{split}", "images", "{split}", "images/{split}2017", "{split}2017", "")
PATTERNS = (
    # Before the plain one, whose pattern would take "train2017" for the name of a split.
    _Pattern(
        *("official COCO", "annotations/instances_{split}2017.json"),
        *(
            ("{split}2017", "images/{split}2017", "images/{split}", "images", "{split}", ""),
            "annotations/captions_{split}2017.json",
        ),
    ),
    _Pattern("COCO", "annotations/instances_{split}.json", _COCO_FOLDERS, "annotations/captions_{split}.json"),
    _Pattern("Roboflow COCO", "{split}/_annotations.coco.json", ("{split}", ""), "{split}/_captions.coco.json"),
)
_SAME_SPLIT = {"val": "valid", "valid": "val"}  # Roboflow writes "valid"


def find_splits(root: Path) -> list[Layout]:
    """Every split under `root`. Raises DataError where there is no such folder."""
    if not root.is_dir():
        raise missing(root, "data set folder")
    found: dict[Path, Layout] = {}
    for pattern in PATTERNS:
        for split in pattern.splits(root):
            layout = pattern.at(root, split)
            found.setdefault(layout.instances, layout)
    return list(found.values())


def find_layout(root: Path, split: str) -> Layout:
    """The files of one split. Raises DataError that says what was looked for and what is there."""
    layouts = find_splits(root)
    for name in (split, _SAME_SPLIT.get(split)):
        for layout in layouts:
            if layout.split == name:
                return layout
    wanted = "\n".join(f"  {root / pattern.instances.format(split=split)}   ({pattern.name})" for pattern in PATTERNS)
    there = f"splits {', '.join(repr(layout.split) for layout in layouts)}" if layouts else listing(root)
    raise DataError(f"{root}: no split {split!r}. Looked for:\n{wanted}\nThere is: {there}.")
