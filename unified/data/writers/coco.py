"""COCO JSON: holds everything but tags."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from unified.data.annotations import Annotations
from unified.data.writers.losses import TAGS, losses
from unified.data.writers.names import names_of
from unified.data.writers.writer import Put, Splits, Writer
from unified.errors import DataError


def _write(splits: Splits, out: Path, put: Put) -> list[str]:
    (out / "annotations").mkdir()
    for split, labels in splits.items():
        if not labels.boxed and labels.captions is None:
            raise DataError(
                f"COCO holds boxes and captions; split {split!r} has only tags, which go to csv or folders."
            )
        names = [str(name) for name in names_of(labels)]
        for i, name in enumerate(names):
            put(labels.path(i), out / "images" / split / name)
        ids = _ids(labels)
        content = {
            "images": [_image(labels, i, ids[i], name) for i, name in enumerate(names)],
            "categories": [
                {"id": k, "name": name}
                for k, name in zip(labels.taxonomy.category_ids, labels.taxonomy.categories, strict=True)
            ],
            "annotations": [row for i in range(len(names)) for row in _objects(labels, i, ids[i])],
        }
        _dump(out / f"annotations/instances_{split}.json", content)
        if labels.captions is not None:
            told = [(i, text) for i in range(len(names)) for text in labels.captions[i]]
            rows = [{"id": n, "image_id": ids[i], "caption": text} for n, (i, text) in enumerate(told, 1)]
            _dump(out / f"annotations/captions_{split}.json", {"images": content["images"], "annotations": rows})
    return losses(splits, TAGS)


def _ids(annotations: Annotations) -> list[int | str]:
    """Those of the source; numbers where it has none but names of files."""
    ids = list(annotations.image_ids)
    return list(range(1, len(ids) + 1)) if ids == list(annotations.files) else ids


def _image(annotations: Annotations, i: int, image_id: int | str, name: str) -> dict[str, Any]:
    width, height = annotations.size(i)
    entry: dict[str, Any] = {"id": image_id, "file_name": name, "width": width, "height": height}
    if annotations.videos is not None:
        entry |= {"video": annotations.videos.names[i], "frame_id": int(annotations.videos.frames[i])}
    return entry


def _objects(annotations: Annotations, i: int, image_id: int | str) -> list[dict[str, Any]]:
    rows = annotations.objects_of(i)
    columns = (rows.boxes, rows.categories, rows.identities, rows.crowd, rows.area, rows.instances)
    found = []
    for box, category, identity, crowd, area, n in zip(*(column.tolist() for column in columns), strict=True):
        x1, y1, x2, y2 = box
        entry = {
            "id": n + 1,
            "image_id": image_id,
            "category_id": annotations.taxonomy.category_ids[category],
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "area": area,
            "iscrowd": int(crowd),
        }
        found.append(entry if identity < 0 else entry | {"track_id": identity})
    return found


def _dump(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


COCO = Writer("coco", _write)
