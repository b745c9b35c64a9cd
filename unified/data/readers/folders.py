"""Image folders: a folder a class, so one tag a picture and nothing about where things are.

    {train,val,test}/CLASS/…      without splits: CLASS/…, all train

Pictures may lie in folders within a class's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unified.data.annotations import Tags
from unified.data.readers.draft import Draft
from unified.data.readers.layout import Format, Parsed
from unified.data.readers.pictures import folders_in, holds_pictures, pictures_in
from unified.errors import DataError

SPLITS = ("train", "val", "valid", "test")  # other names are classes
_NO_CLASSES = frozenset({*SPLITS, "images", "labels", "annotations", "jpegimages"})


@dataclass(frozen=True, slots=True)
class FolderLayout:
    """One split of image folders."""

    root: Path
    split: str
    source: Path  # the folder of class folders
    classes: tuple[str, ...]  # of all splits

    @property
    def name(self) -> str:
        return "image folders"

    def parse(self) -> Parsed:
        pictures = [path for name in self.classes for path in pictures_in(self.source / name)]
        if not pictures:
            raise DataError(f"{self.source}: no pictures in its folders; a data set needs pictures.")
        draft = Draft(self.root, pictures)
        shown = [path.relative_to(self.source).parts[0] for path in draft.paths]
        present = np.array([[name == each for each in self.classes] for name in shown], dtype=np.bool_)
        tags = Tags(present.reshape(-1, len(self.classes)), np.ones(len(shown), dtype=np.bool_))
        labels = [self.source / name for name in shown]
        return draft.finish(self.classes, labels, boxed=False, tags=tags)


def _class_folders(folder: Path) -> list[str]:
    folders = folders_in(folder)
    if not any(map(holds_pictures, folders)):
        return []
    return [each.name for each in folders if holds_pictures(each) or pictures_in(each)]


def _find(root: Path) -> list[FolderLayout]:
    splits = {split: names for split in SPLITS if (names := _class_folders(root / split))}
    if splits:
        classes = tuple(sorted({name for names in splits.values() for name in names}))
        return [FolderLayout(root, split, root / split, classes) for split in splits]
    names = _class_folders(root)
    # One folder with pictures is more likely a folder with pictures than a data set of a single class.
    if len(names) < 2 or any(name.lower() in _NO_CLASSES for name in names):
        return []
    return [FolderLayout(root, "train", root, tuple(sorted(names)))]


def _looked_for(split: str) -> list[str]:
    return [f"{split}/CLASS/…"]


FOLDERS = Format("folders", 2, _find, _looked_for)
