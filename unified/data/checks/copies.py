"""The same picture twice: within a split, or, worse, in two of them. Compared by the SHA-256 of the files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from unified.data.checks import kinds
from unified.data.checks.split import TRAIN, Problem, Split, Target


def check_copies(splits: Sequence[Split]) -> Iterator[tuple[Split, Problem]]:
    """Each copy with the split that should give it up."""
    first: dict[bytes, tuple[Split, int]] = {}
    # What is scored on stays as it is, and training gives up what it should not have seen.
    for split in sorted(splits, key=lambda split: split.name == TRAIN):
        for i, seen in enumerate(split.seen):
            if seen.digest is None or seen.fault is not None:
                continue
            other, j = first.setdefault(seen.digest, (split, i))
            if other is split and (j == i or _same_file(split, i, j)):
                continue
            path = other.seen[j].path
            if other is split:
                text = f"{seen.path}: byte for byte {path}"
                yield split, Problem(kinds.DUPLICATE_PICTURE, text, Target.PICTURE, i)
            else:
                text = f"{seen.path}: byte for byte {path} of the split {other.name!r}"
                yield split, Problem(kinds.LEAK, text, Target.PICTURE, i)


def _same_file(split: Split, i: int, j: int) -> bool:
    """Then it is listed twice, which is said elsewhere."""
    return os.path.normpath(split.seen[i].path) == os.path.normpath(split.seen[j].path)
