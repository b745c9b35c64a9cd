"""Annotations → COCO JSON, one entry a line: easy to compare, and to find a line in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from unified.data.annotations import Annotations


def write_coco(annotations: Annotations, root: Path, split: str) -> None:
    """`annotations/instances_{split}.json` under `root`, and beside it the captions where there are any."""
    folder = root / "annotations"
    folder.mkdir(parents=True, exist_ok=True)
    taxonomy, rows = annotations.taxonomy, annotations.rows
    images, objects, captions = [], [], []
    for i, image_id in enumerate(annotations.image_ids):
        width, height = annotations.size(i)
        images.append({"id": image_id, "file_name": annotations.files[i], "width": width, "height": height})
        for row in range(*annotations.offsets[i : i + 2].tolist()):
            x1, y1, x2, y2 = rows.boxes[row].tolist()
            entry = {
                "id": row + 1,
                "image_id": image_id,
                "category_id": taxonomy.category_ids[int(rows.categories[row])],
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "area": float(rows.area[row]),
                "iscrowd": int(rows.crowd[row]),
            }
            if rows.identities[row] >= 0:
                entry["identity"] = int(rows.identities[row])
            objects.append(entry)
        for caption in annotations.captions_of(i) or ():
            captions.append({"id": len(captions) + 1, "image_id": image_id, "caption": caption})
    categories = [
        {"id": number, "name": name} for number, name in zip(taxonomy.category_ids, taxonomy.categories, strict=True)
    ]
    lists = {"images": images, "categories": categories, "annotations": objects}
    _write(folder / f"instances_{split}.json", lists)
    if annotations.captions is not None:
        _write(folder / f"captions_{split}.json", {"annotations": captions})


def _write(path: Path, lists: dict[str, list[dict[str, Any]]]) -> None:
    parts = (f"{json.dumps(name)}: [{_lines(entries)}]" for name, entries in lists.items())
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def _lines(entries: Iterable[dict[str, Any]]) -> str:
    return "".join(f"{',' * (i > 0)}\n  {json.dumps(entry, ensure_ascii=False)}" for i, entry in enumerate(entries))
