"""COCO JSON → Annotations, every entry checked.

Category ids may have gaps: class k of the taxonomy is the k-th id in rising order. `bbox` is x, y, width, height in
pixels from the top-left corner of the picture. An `identity` (or `track_id`) says which objects are the same one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unified.data.annotations import Annotations, Strings, Videos
from unified.data.fields import entries, read_json
from unified.data.findings import raise_errors
from unified.data.readers.coco_entries import EntryReader, Picture, place
from unified.data.readers.json_lines import EntryLines
from unified.data.readers.layout import Origins, Parsed
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
    findings, texts = reader.findings, None
    if not pictures:
        raise_errors(findings, _CURE)
        raise DataError(f"{instances}: the list 'images' is empty; a data set needs pictures.")
    if captions is not None:
        reader = EntryReader(captions)
        texts = reader.captions(entries(read_json(captions), "annotations", captions), pictures)
        findings = findings + reader.findings
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
    lines = EntryLines(instances)
    origins = Origins(Strings([str(instances)] * len(files)), numbers, lambda i: place("annotations", i, lines))
    return Parsed(annotations, findings, origins)


def _videos(pictures: Sequence[Picture]) -> Videos | None:
    """`video` and `frame_id` are no part of COCO: believed only where every picture has both."""
    names, frames = [picture.video for picture in pictures], [picture.frame for picture in pictures]
    if not all(isinstance(name, str) and name for name in names) or not all(type(frame) is int for frame in frames):
        return None
    return Videos(Strings(names), np.array(frames, dtype=np.int64))
