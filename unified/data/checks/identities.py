"""Who is the same: an identity is of one class, and in a video once in a frame."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from unified.data.checks import kinds
from unified.data.checks.split import Problem, Split, Target


def check_identities(split: Split) -> Iterator[Problem]:
    """Identities of one split; boxes without one carry no claim."""
    again = list(_again(split))
    if split.annotations.videos is not None:
        for row, text in again:
            yield Problem(kinds.IDENTITY_TWICE, text, Target.OBJECT, row)
    elif again:
        row, text = again[0]
        yield Problem(kinds.IDENTITY_RECURS, f"{text}; so {len(again)} x in this split", Target.OBJECT, row)
    yield from _classes(split)


def _again(split: Split) -> Iterator[tuple[int, str]]:
    """Rows whose identity their picture has already."""
    annotations, identities = split.annotations, split.annotations.rows.identities.tolist()
    for i in range(len(annotations)):
        present: set[int] = set()
        for row in range(*annotations.offsets[i : i + 2].tolist()):
            identity = identities[row]
            if identity >= 0 and identity in present:
                yield row, f"identity {identity} is on an earlier box of picture {annotations.image_ids[i]!r} already"
            present.add(identity)


def _classes(split: Split) -> Iterator[Problem]:
    """Boxes of another class than most of their identity."""
    rows, names = split.annotations.rows, split.annotations.taxonomy.categories
    pairs = list(zip(rows.identities.tolist(), rows.categories.tolist(), strict=True))
    counted: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for identity, category in pairs:
        if identity >= 0:
            counted[identity][category] += 1
    usual = {identity: several.most_common(1)[0] for identity, several in counted.items()}
    for row, (identity, category) in enumerate(pairs):
        if identity >= 0 and category != usual[identity][0]:
            most, times = usual[identity]
            text = f"identity {identity} is {names[category]!r} here, {names[most]!r} on {times} boxes"
            yield Problem(kinds.IDENTITY_CHANGES, text, Target.OBJECT, row)
