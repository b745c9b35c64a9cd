"""What pictures are called in a new data set: as before, below the folder that they had in common."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path, PurePosixPath

from unified.data.annotations import Annotations
from unified.data.writers.writer import Splits
from unified.errors import DataError


def names_of(annotations: Annotations) -> list[PurePosixPath]:
    """A name for each picture, each with another path without suffix: label files go by it."""
    # Without `..`, by which the picture of a stranger's data set would leave the new folder.
    paths = [Path(os.path.abspath(annotations.path(i))) for i in range(len(annotations))]
    if len({path.anchor for path in paths}) > 1:  # drives of Windows
        return distinct([PurePosixPath(*path.parts[1:]) for path in paths])
    common = os.path.commonpath([path.parent for path in paths]) if paths else ""
    return distinct([PurePosixPath(Path(os.path.relpath(path, common)).as_posix()) for path in paths])


def flat_names(splits: Splits) -> dict[str, list[PurePosixPath]]:
    """Names without folders, each with another stem over all splits."""
    own = {split: [PurePosixPath("_".join(n.parts)) for n in names_of(each)] for split, each in splits.items()}
    stems = [name.stem for names in own.values() for name in names]
    if len(set(stems)) < len(stems):
        own = {split: [PurePosixPath(f"{split}_{name}") for name in names] for split, names in own.items()}
    everything = iter(distinct([name for names in own.values() for name in names]))
    return {split: [next(everything) for _ in names] for split, names in own.items()}


def known_splits(splits: Splits, allowed: Sequence[str], format: str) -> None:
    """Raises DataError for a split that the format has no name for."""
    for split in splits:
        if split not in allowed:
            raise DataError(f"{format} knows the splits {', '.join(allowed)}, and not {split!r}.")


def distinct(names: Sequence[PurePosixPath]) -> list[PurePosixPath]:
    """The names, changed where two are the same but for their suffix."""
    taken: set[PurePosixPath] = set()
    made = []
    for name in names:
        # Of a.jpg and a.png the second becomes a_png.png; a picture that is listed again becomes a_2.
        stems = chain((name.stem, f"{name.stem}_{name.suffix[1:]}"), (f"{name.stem}_{n}" for n in count(2)))
        new = next(each for stem in stems if (each := name.with_name(stem + name.suffix)).with_suffix("") not in taken)
        taken.add(new.with_suffix(""))
        made.append(new)
    return made
