"""Scenes as COCO annotation files."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from unified.data.shapes.manifest import Parameters, file_name
from unified.data.shapes.plan import Plan
from unified.data.shapes.scene import Placed, Scene
from unified.data.shapes.vocabulary import CATEGORY_IDS

Record = dict[str, object]


def instances_file(scenes: Sequence[Scene], plan: Plan, parameters: Parameters) -> Record:
    """COCO instances. Beyond COCO: `identity` and `visible` (share seen, 0..1) an annotation; the cast in `info`."""
    numbers = count(1)
    return {
        "info": {
            "description": "synthetic scenes of shapes",
            "seed": parameters.seed,
            "train_identities": list(plan.train_identities),
            "seen_identities": list(plan.seen_identities),
            "unseen_identities": list(plan.unseen_identities),
            "identities": [identity.describe() for identity in plan.identities],
        },
        "licenses": [],
        "images": _images(scenes),
        "annotations": [
            _annotation(next(numbers), image, placed)
            for image, scene in enumerate(scenes, start=1)
            for placed in scene.objects
        ],
        "categories": [{"id": number, "name": name, "supercategory": "shape"} for name, number in CATEGORY_IDS.items()],
    }


def captions_file(scenes: Sequence[Scene], captions: Sequence[Sequence[str]]) -> Record:
    """COCO captions of the same images."""
    numbers = count(1)
    return {
        "info": {"description": "captions of synthetic scenes of shapes"},
        "licenses": [],
        "images": _images(scenes),
        "annotations": [
            {"id": next(numbers), "image_id": image, "caption": caption}
            for image, sentences in enumerate(captions, start=1)
            for caption in sentences
        ],
    }


def _images(scenes: Sequence[Scene]) -> list[Record]:
    return [
        {"id": number, "file_name": file_name(number), "width": scene.width, "height": scene.height}
        for number, scene in enumerate(scenes, start=1)
    ]


def _annotation(number: int, image: int, placed: Placed) -> Record:
    left, top, right, bottom = (float(edge) for edge in placed.box)
    return {
        "id": number,
        "image_id": image,
        "category_id": CATEGORY_IDS[placed.identity.category],
        "bbox": [left, top, right - left, bottom - top],
        "area": float(placed.area),
        "iscrowd": 0,
        "identity": placed.identity.number,
        "visible": round(placed.visible, 4),
    }
