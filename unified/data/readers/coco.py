"""COCO JSON → Annotations, every entry checked.

Category ids may have gaps: class k of the taxonomy is the k-th id in rising order. `bbox` is x, y, width, height in
pixels from the top-left corner of the picture. An `identity` (or `track_id`) says which objects are the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from unified.data.annotations import Annotations, Strings, Videos
from unified.data.fields import entries, read_json
from unified.data.findings import raise_errors
from unified.data.readers.coco_entries import EntryReader, Picture, place
from unified.data.readers.json_lines import EntryLines
from unified.data.readers.layout import Origins, Parsed, Spot
from unified.data.readers.pictures import find_root
from unified.data.sample import Taxonomy
from unified.errors import DataError

_CURE = "Mend or remove these entries."


def parse_coco(instances: Path, images: Sequence[Path], captions: Path | None = None) -> Parsed:
    """Read a file of boxes and, where given, one of captions; `images` are folders where the pictures may be.

    Raises DataError only where nothing can be used.
    """
    data = read_json(instances)
    reader = EntryReader(instances)
    categories = reader.categories(entries(data, "categories", instances))
    pictures = reader.pictures(entries(data, "images", instances))
    offsets, rows, numbers = reader.objects(entries(data, "annotations", instances), pictures, categories)
    findings, texts, caption = reader.findings, None, None
    shown, lines = reader.picture_entries, EntryLines(instances)
    if not pictures:
        raise_errors(findings, _CURE)
        raise DataError(f"{instances}: the list 'images' is empty; a data set needs pictures.")
    if captions is not None:
        reader = EntryReader(captions)
        texts = reader.captions(entries(read_json(captions), "annotations", captions), pictures)
        findings = findings + reader.findings
        caption = _spots(captions, "annotations", reader.caption_entries, EntryLines(captions))
    files = [picture.file for picture in pictures.values()]
    identities = len(np.unique(rows.identities[rows.identities >= 0]))
    annotations = Annotations(
        taxonomy=Taxonomy(tuple(categories.values()), tuple(categories), identities),
        image_ids=list(pictures),
        root=find_root(images, files, instances, "file_name"),
        files=Strings(files),
        sizes=np.array([picture.size for picture in pictures.values()], dtype=np.int64),
        offsets=offsets,
        rows=rows,
        captions=texts,
        videos=_videos(list(pictures.values())),
    )
    origins = Origins(
        files=Strings([str(instances)] * len(files)),
        entries=numbers,
        place=lambda i: place("annotations", i, lines),
        picture=_spots(instances, "images", shown, lines),
        caption=caption,
    )
    return Parsed(annotations, findings, origins, (instances,) if captions is None else (instances, captions))


def _spots(file: Path, name: str, entries: Sequence[int], lines: EntryLines) -> Callable[[int], Spot]:
    """Number of a thing → where its entry is; `entries` are their numbers in the list."""
    return lambda i: (str(file), *place(name, entries[i], lines))


def _videos(pictures: Sequence[Picture]) -> Videos | None:
    """`video` and `frame_id` are no part of COCO: believed only where every picture has both."""
    names, frames = [picture.video for picture in pictures], [picture.frame for picture in pictures]
    numbered = all(type(frame) is int and abs(frame) < 2**53 for frame in frames)
    if not numbered or not all(isinstance(name, str) and name for name in names):
        return None
    return Videos(Strings(names), np.array(frames, dtype=np.int64))
