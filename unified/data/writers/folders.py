"""Image folders: one tag a picture."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np

from unified.data.readers.folders import SPLITS
from unified.data.writers.losses import CAPTIONS, VIDEOS, Counted, losses, new_ids, plain_names
from unified.data.writers.names import distinct, known_splits
from unified.data.writers.writer import Put, Splits, Writer
from unified.errors import DataError


def _write(splits: Splits, out: Path, put: Put) -> list[str]:
    known_splits(splits, SPLITS, "image folders")
    boxes: tuple[str, Counted] = ("boxes are left out", lambda each: len(each.rows))
    silent = 0
    for split, labels in splits.items():
        classes = plain_names(labels.taxonomy, "image folders", "/\\")
        for folder in classes:
            (out / split / folder).mkdir(parents=True)
        if labels.tags is None:
            raise DataError(f"Image folders hold tags, and the pictures of {split!r} have none; choose another format.")
        tagged = [i for i in range(len(labels)) if labels.tags.known[i]]
        silent += len(labels) - len(tagged)
        shown = [np.flatnonzero(labels.tags.present[i]).tolist() for i in tagged]
        for i, row in zip(tagged, shown, strict=True):
            if len(row) != 1:
                raise DataError(f"{labels.path(i)} has {len(row)} tags; image folders hold one a picture: choose csv.")
        names = [PurePosixPath(classes[row[0]], labels.path(i).name) for i, row in zip(tagged, shown, strict=True)]
        for i, name in zip(tagged, distinct(names), strict=True):
            put(labels.path(i), out / split / name)
    lost = [*losses(splits, boxes, CAPTIONS, VIDEOS), *new_ids(splits)]
    return [*lost, f"{silent} pictures without tags are left out"] if silent else lost


FOLDERS = Writer("folders", _write)
