"""Small COCO data sets for tests: a document to be spoilt, and folders of drawn pictures."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from unified.data.dataset import Dataset, open_dataset
from unified.data.letterbox import Letterbox
from unified.data.pipeline import Draw, View
from unified.data.shelf import Shelf

WHITE_BOX = (10, 20, 50, 40)  # x1 y1 x2 y2 of the white rectangle on black in `white_boxes`


def document() -> dict[str, Any]:
    """Three pictures of 64x48 with two, one and no objects; category ids with a gap, not in order."""
    return {
        "images": [{"id": i, "file_name": f"{i}.png", "width": 64, "height": 48} for i in (1, 2, 5)],
        "categories": [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}],
        "annotations": [
            {"id": 10, "image_id": 2, "category_id": 3, "bbox": [1, 2, 30, 40], "area": 1000.5, "iscrowd": 0},
            {"id": 11, "image_id": 1, "category_id": 7, "bbox": [5, 5, 10, 20], "track_id": 4},
            {"id": 12, "image_id": 1, "category_id": 3, "bbox": [0, 0, 64, 48], "iscrowd": 1, "identity": -7},
        ],
    }


def captions() -> dict[str, Any]:
    """Two captions for picture 1, one for picture 5."""
    texts = {1: ["A dog left of a cat.", "two  animals\n"], 5: ["Nothing here."]}
    return {"annotations": [{"image_id": i, "caption": text} for i, several in texts.items() for text in several]}


def write_json(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def draw_pictures(folder: Path, document: dict[str, Any]) -> None:
    """A noisy picture for every image entry."""
    rng = np.random.default_rng(0)
    for entry in document["images"]:
        path = folder / entry["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = rng.integers(0, 256, (entry["height"], entry["width"], 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)


def write_coco(root: Path, split: str = "train", content: dict[str, Any] | None = None) -> Path:
    """`document()`, or other content, with its pictures, in the plain layout."""
    content = content or document()
    write_json(root / f"annotations/instances_{split}.json", content)
    draw_pictures(root / "images" / split, content)
    return root


def white_boxes(root: Path, count: int, size: tuple[int, int] = (80, 60)) -> Dataset:
    """Black pictures with a white rectangle at WHITE_BOX, which is their one object; identity i in picture i."""
    x1, y1, x2, y2 = WHITE_BOX
    pixels = np.zeros((size[1], size[0], 3), dtype=np.uint8)
    pixels[y1:y2, x1:x2] = 255
    box = [x1, y1, x2 - x1, y2 - y1]
    content = {
        "images": [{"id": i, "file_name": f"{i}.png", "width": size[0], "height": size[1]} for i in range(count)],
        "categories": [{"id": 1, "name": "white"}],
        "annotations": [{"id": i, "image_id": i, "category_id": 1, "bbox": box, "identity": i} for i in range(count)],
    }
    write_json(root / "annotations/instances_train.json", content)
    sentences = [{"image_id": i, "caption": "White on the left."} for i in range(count)]
    write_json(root / "annotations/captions_train.json", {"annotations": sentences})
    (root / "images/train").mkdir(parents=True)
    for i in range(count):
        Image.fromarray(pixels).save(root / f"images/train/{i}.png")
    return open_dataset(root, "train")


class Deadly(Letterbox):
    """Kills its process at picture 5, as a decoder might."""

    def __call__(self, shelf: Shelf, draw: Draw) -> View:
        if draw.index == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(shelf, draw)


class Sleepy(Letterbox):
    """Falls asleep at picture 5, as a network drive might."""

    def __call__(self, shelf: Shelf, draw: Draw) -> View:
        if draw.index == 5:
            time.sleep(30)
        return super().__call__(shelf, draw)
