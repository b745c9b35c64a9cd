"""Image folders: one tag a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unified.data.readers.folders import SPLITS
from unified.data.writers.losses import CAPTIONS, VIDEOS, Counted, losses, new_ids, plain_names
from unified.data.writers.names import flat_names, known_splits
from unified.data.writers.writer import Put, Splits, Writer
from unified.errors import DataError


def _write(splits: Splits, out: Path, put: Put) -> list[str]:
    known_splits(splits, SPLITS, "image folders")
    boxes: tuple[str, Counted] = ("boxes are left out", lambda each: len(each.rows))
    silent = 0
    names = flat_names(splits)
    for split, labels in splits.items():
        classes = plain_names(labels.taxonomy, "image folders", "/\\")
        for name in classes:
            (out / split / name).mkdir(parents=True)
        for i, name in enumerate(names[split]):
            tags = labels.tags_of(i)
            if tags is None:
                silent += 1
            elif tags.sum() != 1:
                raise DataError(
                    f"{labels.path(i)} has {tags.sum()} tags, and image folders hold one a picture; choose csv."
                )
            else:
                put(labels.path(i), out / split / classes[int(np.flatnonzero(tags)[0])] / name)
        if labels.tags is None:
            raise DataError(f"Image folders hold tags, and the pictures of {split!r} have none; choose another format.")
    lost = [*losses(splits, boxes, CAPTIONS, VIDEOS), *new_ids(splits)]
    return [*lost, f"{silent} pictures without tags are left out"] if silent else lost


FOLDERS = Writer("folders", _write)
