"""CSV: boxes with identities and crowds, or else tags."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from unified.data.annotations import Annotations
from unified.data.readers.tables import CLASS_FILE, SPLITS
from unified.data.writers.losses import AREAS, CAPTIONS, TAGS, VIDEOS, losses, new_ids, plain_names
from unified.data.writers.names import known_splits, names_of
from unified.data.writers.writer import Put, Splits, Writer
from unified.errors import DataError

_SEPARATOR = ";"


def _write(splits: Splits, out: Path, put: Put) -> list[str]:
    known_splits(splits, SPLITS, "CSV")
    silent = 0
    for split, labels in splits.items():
        names = [PurePosixPath("images", split, name) for name in names_of(labels)]
        if labels.boxed:
            classes, rows = plain_names(labels.taxonomy, "CSV"), list(_box_rows(labels, names))
        elif labels.tags is not None:
            classes = plain_names(labels.taxonomy, "CSV", (_SEPARATOR, "|"))
            rows = list(_tag_rows(labels, names))
            silent += int((~labels.tags.known).sum())
        else:
            raise DataError(f"CSV holds boxes or tags, and split {split!r} has neither.")
        for i, name in enumerate(names):
            put(labels.path(i), out / name)
        with (out / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
        (out / CLASS_FILE).write_text("".join(f"{name}\n" for name in classes), "utf-8")
    boxed = {split: each for split, each in splits.items() if each.boxed}
    lost = [*losses(splits, CAPTIONS, VIDEOS), *losses(boxed, AREAS, TAGS), *new_ids(splits)]
    return [*lost, f"{silent} pictures without tags are left out"] if silent else lost


def _box_rows(annotations: Annotations, names: list[PurePosixPath]) -> Iterator[list[str]]:
    """With columns for what there is."""
    with_identity = bool((annotations.rows.identities >= 0).any())
    with_crowd = bool(annotations.rows.crowd.any())
    extra = ["identity"] * with_identity + ["crowd"] * with_crowd
    yield ["file", "xmin", "ymin", "xmax", "ymax", "label", *extra]
    for i, name in enumerate(names):
        rows = annotations.objects_of(i)
        if not len(rows):
            yield [str(name), *[""] * (5 + len(extra))]
        columns = (rows.boxes.tolist(), rows.categories.tolist(), rows.identities.tolist(), rows.crowd.tolist())
        for box, category, identity, crowd in zip(*columns, strict=True):
            label = annotations.taxonomy.categories[category]
            more = [str(identity) if identity >= 0 else ""] * with_identity + [str(int(crowd))] * with_crowd
            yield [str(name), *(f"{value:.10g}" for value in box), label, *more]


def _tag_rows(annotations: Annotations, names: list[PurePosixPath]) -> Iterator[list[str]]:
    yield ["file", "label"]
    for i, name in enumerate(names):
        tags = annotations.tags_of(i)
        if tags is not None:
            yield [str(name), _SEPARATOR.join(annotations.taxonomy.categories[k] for k in np.flatnonzero(tags))]


CSV = Writer("csv", _write)
