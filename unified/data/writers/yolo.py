"""YOLO text: boxes and classes, nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from unified.data.annotations import Annotations
from unified.data.readers.yolo_layouts import SPLITS
from unified.data.writers.losses import AREAS, CAPTIONS, CROWDS, IDENTITIES, TAGS, VIDEOS, losses, need_boxes, new_ids
from unified.data.writers.names import distinct, known_splits, names_of
from unified.data.writers.writer import Put, Splits, Writer
from unified.errors import DataError


def _write(splits: Splits, out: Path, put: Put) -> list[str]:
    need_boxes(splits, "YOLO")
    if "val" in splits and "valid" in splits:
        raise DataError("YOLO calls both val and valid val; name one of the two otherwise, or convert them apart.")
    renamed = {"val" if split == "valid" else split: each for split, each in splits.items()}
    known_splits(renamed, SPLITS, "YOLO")
    lines = [f"{split}: images/{split}" for split in SPLITS if split in renamed]
    for split, labels in renamed.items():
        for i, name in enumerate(_below_images(names_of(labels))):
            put(labels.path(i), out / "images" / split / name)
            text = (out / "labels" / split / name).with_suffix(".txt")
            text.parent.mkdir(parents=True, exist_ok=True)
            text.write_text("".join(_lines(labels, i)), encoding="utf-8")
        lines += ["names:", *_names(labels)] if "names:" not in lines else []
    (out / "data.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [*losses(splits, IDENTITIES, CROWDS, AREAS, CAPTIONS, TAGS, VIDEOS), *new_ids(splits)]


def _below_images(names: Sequence[PurePosixPath]) -> list[PurePosixPath]:
    """Without a folder `images` of their own: labels are looked for where the last `images` of a path is `labels`."""
    parts = [["images_" if part == "images" else part for part in name.parent.parts] for name in names]
    return distinct([PurePosixPath(*folders, name.name) for folders, name in zip(parts, names, strict=True)])


def _names(annotations: Annotations) -> Iterator[str]:
    for k, name in enumerate(annotations.taxonomy.categories):
        yield f"  {k}: {json.dumps(name, ensure_ascii=False)}"  # text of JSON is text of YAML


def _lines(annotations: Annotations, i: int) -> Iterator[str]:
    rows, (width, height) = annotations.objects_of(i), annotations.size(i)
    for (x1, y1, x2, y2), category, crowd in zip(
        rows.boxes.tolist(), rows.categories.tolist(), rows.crowd.tolist(), strict=True
    ):
        if not crowd:
            shares = (x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height
            yield f"{category} {' '.join(f'{share:.10g}' for share in shares)}\n"


YOLO = Writer("yolo", _write)
