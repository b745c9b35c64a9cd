"""Classes and captions of a split, and whether the splits agree on the classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from unified.data.checks import kinds
from unified.data.checks.split import TRAIN, Problem, Split, Target


def check_labels(split: Split) -> Iterator[Problem]:
    """What a split has labels for, and what it lacks."""
    annotations = split.annotations
    taxonomy, rows, tags = annotations.taxonomy, annotations.rows, annotations.tags
    if not annotations.labelled:
        yield Problem(kinds.NO_LABELS, "not one usable box, no captions, no tags")
        return
    tagged = set() if tags is None else set(np.flatnonzero(tags.present.any(0)).tolist())
    unused = sorted(set(range(len(taxonomy))) - set(rows.categories.tolist()) - tagged)
    if unused:
        names = ", ".join(taxonomy.categories[k] for k in unused)
        yield Problem(kinds.UNUSED_CATEGORIES, f"{len(unused)} categories have no object: {names}")
    ids = taxonomy.category_ids
    # Counting from 0 is as good as from 1.
    if ids and list(ids) not in (list(range(len(ids))), list(range(1, len(ids) + 1))):
        yield Problem(kinds.ID_GAPS, f"{len(ids)} class ids lie between {ids[0]} and {ids[-1]}")
    for i in range(len(annotations)):
        empty = annotations.offsets[i] == annotations.offsets[i + 1] and split.origins.files[i] not in split.silent
        # A file of tags or captions that is silent about a picture says just that.
        if annotations.boxed and empty and annotations.captions_of(i) is None and annotations.tags_of(i) is None:
            text = f"{annotations.files[i]}: no box; fine if the picture shows none"
            yield Problem(kinds.UNLABELLED_PICTURE, text, Target.PICTURE, i)
    yield from _captions(split)


def check_classes(splits: Sequence[Split]) -> Iterator[tuple[Split, Problem]]:
    """All splits that have labels against the one that is trained on."""
    useful = sorted((split for split in splits if split.annotations.labelled), key=lambda split: split.name != TRAIN)
    for split in useful[1:]:
        mine, first = _classes(split), _classes(useful[0])
        if mine != first:
            text = f"{_few(mine)} here, {_few(first)} in the split {useful[0].name!r}; all splits need one list"
            yield split, Problem(kinds.CLASSES_DIFFER, text)


def _captions(split: Split) -> Iterator[Problem]:
    captions = split.annotations.captions
    if captions is None:
        return
    for i in range(len(split.annotations)):
        said: set[str] = set()
        for k in range(*captions.offsets[i : i + 2].tolist()):
            sentence = captions.sentences[k]
            if sentence in said:
                text = f"{sentence!r} is said already of picture {split.annotations.image_ids[i]!r}"
                yield Problem(kinds.DUPLICATE_CAPTION, text, Target.CAPTION, k)
            said.add(sentence)


def _classes(split: Split) -> dict[int, str]:
    taxonomy = split.annotations.taxonomy
    return dict(zip(taxonomy.category_ids, taxonomy.categories, strict=True))


def _few(classes: dict[int, str]) -> str:
    shown = [f"{number} {name}" for number, name in list(classes.items())[:5]]
    return ", ".join([*shown, "…"] if len(classes) > len(shown) else shown)
