"""Where the files of a COCO data set lie: the layouts in use, found by looking."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from unified.data.readers.coco import parse_coco
from unified.data.readers.layout import Format, Parsed


@dataclass(frozen=True, slots=True)
class CocoLayout:
    """One split of a COCO data set."""

    name: str
    split: str
    source: Path  # the JSON file of boxes
    images: tuple[Path, ...]  # folders that file names may be relative to, likeliest first
    captions: Path | None = None  # None where there is no such file

    def parse(self) -> Parsed:
        return parse_coco(self.source, self.images, self.captions)


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

    def at(self, root: Path, split: str) -> CocoLayout:
        captions = root / self.captions.format(split=split)
        folders = tuple(root / folder.format(split=split) for folder in self.images)
        instances = root / self.instances.format(split=split)
        return CocoLayout(self.name, split, instances, folders, captions if captions.is_file() else None)


_FOLDERS = ("images/{split}", "images", "{split}", "images/{split}2017", "{split}2017", "")
PATTERNS = (
    # Before the plain one, whose pattern would take "train2017" for the name of a split.
    _Pattern(
        *("official COCO", "annotations/instances_{split}2017.json"),
        *(
            ("{split}2017", "images/{split}2017", "images/{split}", "images", "{split}", ""),
            "annotations/captions_{split}2017.json",
        ),
    ),
    _Pattern("COCO", "annotations/instances_{split}.json", _FOLDERS, "annotations/captions_{split}.json"),
    _Pattern("Roboflow COCO", "{split}/_annotations.coco.json", ("{split}", ""), "{split}/_captions.coco.json"),
)


def _find(root: Path) -> list[CocoLayout]:
    found: dict[Path, CocoLayout] = {}
    for pattern in PATTERNS:
        for split in pattern.splits(root):
            layout = pattern.at(root, split)
            found.setdefault(layout.source, layout)
    return list(found.values())


def _looked_for(split: str) -> list[str]:
    return [pattern.instances.format(split=split) for pattern in PATTERNS]


COCO = Format("coco", 0, _find, _looked_for)
