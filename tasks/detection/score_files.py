"""Score a COCO results file against a COCO annotation file, wherever the detections come from."""

from __future__ import annotations

import json
import sys
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

from unified.errors import DataError
from unified.task import Scores

from .coco_eval import Backend, Row, evaluate_boxes
from .metric import category_rows


def score_files(predictions: Path, annotations: Path, *, backend: Backend | None = None) -> Scores:
    """The twelve COCO numbers; tables `per_category` and `class_agnostic_metrics` (one row, categories ignored).

    Raises:
        DataError: a file is not what it should be; the message names file, entry, what was got and what is allowed.
    """
    truth = _read(annotations, dict, "an object with images, annotations and categories")
    images = _numbering(truth, "images", annotations)
    categories = _categories(truth, annotations)
    listed = _list(truth, "annotations", annotations)
    boxes = [_annotation(row, f"{annotations}: annotations[{i}]", images, categories) for i, row in enumerate(listed)]
    found = _read(predictions, list, "a list of detections")
    detections = [_detection(row, f"{predictions}: [{i}]", images, categories) for i, row in enumerate(found)]

    image_ids, category_ids = list(images.values()), list(categories)
    by_category = evaluate_boxes(image_ids, boxes, category_ids, detections, backend=backend)
    agnostic = evaluate_boxes(image_ids, boxes, category_ids, detections, by_category=False, backend=backend)
    tables = {
        "per_category": category_rows(by_category, categories, boxes),
        "class_agnostic_metrics": [dict(agnostic.numbers())],
    }
    return Scores(by_category.numbers(), tables)


def _read(path: Path, kind: type, wanted: str) -> Any:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is not JSON: {error}") from error
    if not isinstance(data, kind):
        raise DataError(f"{path}: expected {wanted}, got {type(data).__name__}")
    return data


def _list(data: Mapping[str, Any], key: str, path: Path) -> list[Row]:
    rows = data.get(key)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path}: {key!r} must be a list of objects")
    return rows


def _numbering(truth: Mapping[str, Any], key: str, path: Path) -> dict[Hashable, int]:
    """{image id of the file: 1, 2, …} in the order of the ids, which may be numbers or strings."""
    ids = [row.get("id") for row in _list(truth, key, path)]
    wrong = [id for id in ids if not isinstance(id, (int, str))]
    if wrong:
        raise DataError(f"{path}: every entry of {key!r} needs an id, a whole number or a string; got {wrong[0]!r}")
    ordered = sorted(set(ids), key=lambda id: (isinstance(id, str), id))
    return {id: i for i, id in enumerate(ordered, start=1)}


def _categories(truth: Mapping[str, Any], path: Path) -> dict[int, str]:
    categories = {}
    for row in _list(truth, "categories", path):
        if not isinstance(row.get("id"), int):
            raise DataError(f"{path}: every category needs an id, a whole number; got {row.get('id')!r}")
        categories[row["id"]] = str(row.get("name", row["id"]))
    return categories


def _box(row: Row, where: str, images: Mapping[Hashable, int], categories: Mapping[int, str]) -> Row:
    image, category, box = row.get("image_id"), row.get("category_id"), row.get("bbox")
    if not isinstance(image, (int, str)) or image not in images:
        raise DataError(f"{where}: image_id {image!r} is not among the {len(images)} images of the annotations")
    if not isinstance(category, int) or category not in categories:
        allowed = ", ".join(map(str, sorted(categories)))
        raise DataError(f"{where}: category_id {category!r} is not a category of the annotations; allowed: {allowed}")
    if not isinstance(box, list) or len(box) != 4 or not all(map(_finite, box)) or min(box[2:]) < 0:
        raise DataError(f"{where}: bbox must be [x, y, width, height], finite, no side below 0; got {box!r}")
    return {"image_id": images[image], "category_id": category, "bbox": box}


def _annotation(row: Row, where: str, images: Mapping[Hashable, int], categories: Mapping[int, str]) -> Row:
    box = _box(row, where, images, categories)
    area, crowd = row.get("area", box["bbox"][2] * box["bbox"][3]), row.get("iscrowd", 0)
    if not _finite(area) or area < 0:
        raise DataError(f"{where}: area must be a finite number, 0 or more; got {area!r}")
    if crowd not in (0, 1):
        raise DataError(f"{where}: iscrowd must be 0 or 1; got {crowd!r}")
    return box | {"area": area, "iscrowd": crowd}


def _detection(row: Any, where: str, images: Mapping[Hashable, int], categories: Mapping[int, str]) -> Row:
    if not isinstance(row, dict):
        raise DataError(f"{where}: expected a detection with image_id, category_id, bbox and score; got {row!r}")
    if not _finite(row.get("score")):
        raise DataError(f"{where}: score must be a finite number; got {row.get('score')!r}")
    return _box(row, where, images, categories) | {"score": row["score"]}


def _finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and abs(value) <= sys.float_info.max  # false for NaN, too
