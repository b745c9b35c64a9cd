"""Some of the pictures of a data set, with all that is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from unified.data.annotations import Annotations, Captions, Strings, Tags, Videos


def subset(annotations: Annotations, pictures: Sequence[int]) -> Annotations:
    """The pictures of these numbers, in this order; `notes` of the others are left behind."""
    chosen = np.asarray(pictures, dtype=np.int64)
    rows, offsets = _ranges(annotations.offsets, chosen)
    kept = annotations.rows[rows]
    known = np.unique(kept.identities[kept.identities >= 0])
    captions, tags, videos = annotations.captions, annotations.tags, annotations.videos
    if captions is not None:
        told, starts = _ranges(captions.offsets, chosen)
        captions = Captions(starts, Strings(captions.sentences[int(k)] for k in told))
    return replace(
        annotations,
        taxonomy=replace(annotations.taxonomy, identities=len(known)),
        image_ids=[annotations.image_ids[int(i)] for i in chosen],
        files=Strings(annotations.files[int(i)] for i in chosen),
        sizes=annotations.sizes[chosen],
        offsets=offsets,
        rows=kept,
        captions=captions,
        notes=(),
        unboxed=None if annotations.unboxed is None else annotations.unboxed[chosen],
        tags=None if tags is None else Tags(tags.present[chosen], tags.known[chosen]),
        videos=None if videos is None else Videos(Strings(videos.names[int(i)] for i in chosen), videos.frames[chosen]),
    )


def _ranges(offsets: NDArray[np.int64], chosen: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows of the chosen pictures, and their new offsets."""
    spans = [np.arange(offsets[i], offsets[i + 1]) for i in chosen]
    counts = np.array([0, *map(len, spans)], dtype=np.int64)
    return np.concatenate([*spans, np.zeros(0, dtype=np.int64)]).astype(np.int64), counts.cumsum()
