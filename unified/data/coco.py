"""COCO JSON → Annotations, every entry checked.

Category ids may have gaps: class k of the taxonomy is the k-th id in rising order. `bbox` is x, y, width, height in
pixels from the top-left corner of the picture. An `identity` (or `track_id`) says which objects are the same one.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from unified.data.annotations import Annotations, Strings
from unified.data.coco_entries import EntryReader
from unified.data.fields import entries, read_json
from unified.data.findings import Finding, describe, errors_of, raise_errors
from unified.data.paths import listing
from unified.data.sample import Taxonomy
from unified.errors import DataError

OnError = Literal["raise", "drop"]

_PROBED = 16  # pictures looked for to find the folder that `file_name` is relative to
_CURE = (
    "Mend or remove these entries ('unified data check' lists them all), or go on without them: data.on_error=drop in "
    "a config or on the command line, on_error='drop' in Python."
)

log = logging.getLogger(__name__)


def read_coco(
    instances: Path, images: Path | Sequence[Path], captions: Path | None = None, *, on_error: OnError = "raise"
) -> Annotations:
    """Read a COCO file of boxes and, where given, one of captions; `images` is the pictures' folder, or candidates.

    Raises one DataError for all faults; with `on_error="drop"` faulty entries are left out, logged and kept in `notes`.
    """
    annotations, findings = parse_coco(instances, images, captions)
    if on_error == "raise":
        raise_errors(findings, _CURE)
    dropped = errors_of(findings)
    if dropped:
        log.warning("left out %d faulty entries: %s", len(dropped), describe(dropped))
    if not len(annotations.rows) and annotations.captions is None:
        raise DataError(f"{instances}: no labels at all: {len(annotations)} pictures, not one usable box, no captions.")
    return replace(annotations, notes=tuple(findings))


def parse_coco(
    instances: Path, images: Path | Sequence[Path], captions: Path | None = None
) -> tuple[Annotations, list[Finding]]:
    """The usable entries, and all that is wrong with the others. Raises DataError only where nothing can be used."""
    data = read_json(instances)
    reader = EntryReader(instances)
    categories = reader.categories(entries(data, "categories", instances))
    pictures = reader.pictures(entries(data, "images", instances))
    offsets, rows = reader.objects(entries(data, "annotations", instances), pictures, categories)
    findings, texts = reader.findings, None
    if not pictures:
        raise_errors(findings, _CURE)
        raise DataError(f"{instances}: the list 'images' is empty; a data set needs pictures.")
    if captions is not None:
        reader = EntryReader(captions)
        texts = reader.captions(entries(read_json(captions), "annotations", captions), pictures)
        findings = findings + reader.findings
    files = [file for file, _ in pictures.values()]
    identities = len(np.unique(rows.identities[rows.identities >= 0]))
    annotations = Annotations(
        taxonomy=Taxonomy(tuple(categories.values()), tuple(categories), identities),
        image_ids=list(pictures),
        root=_find_root([images] if isinstance(images, Path) else images, files, instances),
        files=Strings(files),
        sizes=np.array([size for _, size in pictures.values()], dtype=np.int64),
        offsets=offsets,
        rows=rows,
        captions=texts,
    )
    return annotations, findings


def _find_root(candidates: Sequence[Path], files: list[str], instances: Path) -> Path:
    """The folder that holds most of some pictures: layouts differ in what file names are relative to."""
    probes = files[:: max(len(files) // _PROBED, 1)]
    hits = [sum((folder / file).is_file() for file in probes) for folder in candidates]
    if not any(hits):
        looked_for = "\n".join(f"  {folder / file}" for folder in candidates for file in files[:3])
        nearest = next((folder for folder in candidates if folder.is_dir()), instances.parent)
        raise DataError(
            f"{instances}: its pictures are not there. Looked for, among others:\n{looked_for}\n"
            f"{nearest} holds {listing(nearest)}. Put the pictures there, or correct file_name."
        )
    return candidates[hits.index(max(hits))]
