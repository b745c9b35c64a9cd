"""Who is the same: an identity is once in a picture, and of one class."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from unified.data.checks import kinds
from unified.data.checks.split import Problem, Split, Target


def check_identities(split: Split) -> Iterator[Problem]:
    """Identities of one split; boxes without one carry no claim."""
    annotations, rows = split.annotations, split.annotations.rows
    names = annotations.taxonomy.categories
    identities, categories = rows.identities.tolist(), rows.categories.tolist()
    classes: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for identity, category in zip(identities, categories, strict=True):
        if identity >= 0:
            classes[identity][category] += 1
    usual = {identity: counted.most_common(1)[0][0] for identity, counted in classes.items()}
    for i in range(len(annotations)):
        present: set[int] = set()
        for row in range(*annotations.offsets[i : i + 2].tolist()):
            identity = identities[row]
            if identity < 0:
                continue
            if identity in present:
                text = f"identity {identity} is on an earlier box of picture {annotations.image_ids[i]!r} already"
                yield Problem(kinds.IDENTITY_TWICE, text, Target.OBJECT, row)
            present.add(identity)
            if categories[row] != usual[identity]:
                most = classes[identity][usual[identity]]
                here, elsewhere = names[categories[row]], names[usual[identity]]
                text = f"identity {identity} is {here!r} here, {elsewhere!r} on {most} boxes"
                yield Problem(kinds.IDENTITY_CHANGES, text, Target.OBJECT, row)
