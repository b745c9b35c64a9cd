"""MOTChallenge text, a folder a sequence: boxes, classes and identities of frames of videos."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, count
from pathlib import Path

from unified.data.annotations import Annotations
from unified.data.readers.mot_layouts import GT, LABELS
from unified.data.writers.losses import AREAS, CAPTIONS, TAGS, losses, need_boxes, plain_names
from unified.data.writers.writer import Put, Splits, Writer
from unified.errors import DataError


def _write(splits: Splits, out: Path, put: Put) -> list[str]:
    need_boxes(splits, "MOT")
    anonymous = 0
    for split, labels in splits.items():
        if labels.videos is None:
            raise DataError(
                f"MOT holds frames of videos, and the pictures of {split!r} are none: in COCO's files an image has a "
                "`video` and a `frame_id`."
            )
        classes = plain_names(labels.taxonomy, "MOT")
        nameless = _Nameless(labels)
        folders = _folders(labels.videos.names)
        lines: dict[Path, list[str]] = {}
        for i in range(len(labels)):
            frame = int(labels.videos.frames[i])
            folder = out / split / folders[labels.videos.names[i]]
            picture = labels.path(i)
            put(picture, folder / "img1" / f"{frame:06d}{picture.suffix}")
            lines.setdefault(folder, []).extend(_lines(labels, i, frame, nameless))
        for folder, rows in lines.items():
            (folder / GT).parent.mkdir(exist_ok=True)
            (folder / GT).write_text("".join(rows), "utf-8")
            (folder / GT).with_name(LABELS).write_text("".join(f"{name}\n" for name in classes), "utf-8")
        anonymous += nameless.count
    lost = losses(splits, AREAS, CAPTIONS, TAGS)
    return [*lost, f"{anonymous} objects without identity get ids of their own"] if anonymous else lost


def _folders(videos: Iterable[str]) -> dict[str, str]:
    """A folder name for each video, which may be called after a path: one folder deep, another one for each."""
    made: dict[str, str] = {}
    for video in dict.fromkeys(videos):
        plain = re.sub(r"[/\\]", "_", video).lstrip(".") or "video"
        names = chain([plain], (f"{plain}_{n}" for n in count(2)))
        made[video] = next(name for name in names if name not in made.values())
    return made


class _Nameless:
    """Ids for objects whose identity is unknown: each its own, above all others."""

    def __init__(self, annotations: Annotations) -> None:
        self._next = int(max(annotations.rows.identities, default=0)) + 1
        self.count = 0

    def __call__(self) -> int:
        self.count += 1
        return self._next + self.count - 1


def _lines(annotations: Annotations, i: int, frame: int, nameless: _Nameless) -> Iterator[str]:
    rows = annotations.objects_of(i)
    columns = (rows.boxes.tolist(), rows.categories.tolist(), rows.identities.tolist(), rows.crowd.tolist())
    for (x1, y1, x2, y2), category, identity, crowd in zip(*columns, strict=True):
        box = ",".join(f"{value:.10g}" for value in (x1 + 1, y1 + 1, x2 - x1, y2 - y1))
        yield f"{frame},{identity if identity >= 0 else nameless()},{box},{int(not crowd)},{category + 1},1\n"


MOT = Writer("mot", _write)
