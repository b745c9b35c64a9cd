"""`unified data convert` and `split`: a data set written anew, in another format or with other splits.

The new folder appears whole or not at all.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from unified.data.annotations import Annotations
from unified.data.partition import By, partition
from unified.data.readers import Layout, OnError, detect, find_layout, read
from unified.data.subset import subset
from unified.data.unfinished import unfinished
from unified.data.writers import WRITERS, Put, Writer
from unified.errors import ConfigError, DataError, nearest

Pictures = Literal["copy", "hardlink", "symlink"]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Written:
    """A data set that was written."""

    path: str
    source: str  # the format that was found
    format: str  # the one that was written
    pictures: Mapping[str, int]  # of each split
    objects: Mapping[str, int]
    tags: Mapping[str, int]  # where pictures have tags without boxes
    lost: Sequence[str]  # what the format cannot hold

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def text(self) -> str:
        counts = ", ".join(f"{split} {n} pictures, {self._held(split)}" for split, n in self.pictures.items())
        lost = [f"  not held by {self.format}: {line}" for line in self.lost]
        return "\n".join([f"{self.path}: {self.source} → {self.format}: {counts}", *lost])

    def _held(self, split: str) -> str:
        tags = f"{self.tags[split]} tags" if split in self.tags else ""
        return f"{self.objects[split]} objects, {tags}".rstrip(", ") if self.objects[split] or not tags else tags


def convert(
    path: Path | str,
    out: Path | str,
    *,
    to: str,
    split: str | None = None,
    format: str | None = None,
    pictures: Pictures = "copy",
    on_error: OnError = "raise",
    progress: Progress | None = None,
) -> Written:
    """Write one split, or all of them, in the format `to` into the new folder `out`.

    Raises ConfigError for an unknown format; DataError where something is wrong with the data, where the format cannot
    hold them, and where `out` is there already.
    """
    writer, root = _writer(to), Path(path)
    found = list(detect(root, format)[1]) if split is None else []
    layouts: list[Layout] = found or [find_layout(root, split or "train", format)]
    splits = {layout.split: read(layout, on_error=on_error) for layout in layouts}
    _same_taxonomy(splits)
    return _publish(splits, Path(out), writer, layouts[0].name, pictures, progress)


def split(
    path: Path | str,
    out: Path | str,
    *,
    val: float = 0.2,
    seed: int = 0,
    by: By = "picture",
    split: str | None = None,
    to: str | None = None,
    format: str | None = None,
    pictures: Pictures = "copy",
    on_error: OnError = "raise",
    progress: Progress | None = None,
) -> Written:
    """Deal the pictures of a split out to train and val, in the same format unless `to` names another.

    `split` may be left out where there is only one. Raises like `convert`.
    """
    root = Path(path)
    kind, layouts = detect(root, format)
    if split is None and len(layouts) > 1:
        names = ", ".join(repr(layout.split) for layout in layouts)
        raise ConfigError(f"{root}: has the splits {names}; say which is to be split.")
    layout = layouts[0] if split is None and layouts else find_layout(root, split or "train", format)
    annotations = read(layout, on_error=on_error)
    parts = partition(annotations, val, seed=seed, by=by)
    splits = {name: subset(annotations, part) for name, part in zip(("train", "val"), parts, strict=True)}
    return _publish(splits, Path(out), _writer(to or kind.name), layout.name, pictures, progress)


def _writer(name: str) -> Writer:
    chosen = next((writer for writer in WRITERS if writer.name == name), None)
    if chosen is None:
        raise ConfigError(f"format {name!r} cannot be written; {nearest(name, [writer.name for writer in WRITERS])}")
    return chosen


def _same_taxonomy(splits: Mapping[str, Annotations]) -> None:
    (first, one), *others = splits.items()
    wanted = one.taxonomy
    for name, other in others:
        found = other.taxonomy
        if (found.categories, found.category_ids) != (wanted.categories, wanted.category_ids):
            raise DataError(
                f"splits {first!r} and {name!r} have different classes ({len(wanted)} and {len(found)}); a data "
                "set has one list. Convert them one by one."
            )


def _publish(
    splits: Mapping[str, Annotations],
    out: Path,
    writer: Writer,
    source: str,
    pictures: Pictures,
    progress: Progress | None,
) -> Written:
    if out.exists() or out.is_symlink():
        raise DataError(f"{out}: is there already; name a folder that is not.")
    try:
        with unfinished(out) as folder:
            lost = writer.write(splits, folder, _putter(pictures, sum(map(len, splits.values())), progress))
            os.rename(folder, out)
    except UnicodeEncodeError as error:
        near = error.object[max(error.start - 20, 0) : error.end + 20]
        raise DataError(f"a file name is not valid Unicode, near {near!r}; rename it") from error
    return Written(
        path=str(out),
        source=source,
        format=writer.name,
        pictures={split: len(annotations) for split, annotations in splits.items()},
        objects={split: len(annotations.rows) for split, annotations in splits.items()},
        tags={split: int(a.tags.present.sum()) for split, a in splits.items() if a.tags is not None},
        lost=tuple(lost),
    )


def _putter(how: Pictures, total: int, progress: Progress | None) -> Put:
    bring: dict[str, Callable[[Path, Path], Any]] = {
        "copy": shutil.copyfile,
        "hardlink": os.link,
        "symlink": lambda source, target: os.symlink(source.resolve(), target),
    }
    act, done = bring[how], 0

    def put(source: Path, target: Path) -> None:
        nonlocal done
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            if os.path.lexists(target):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            act(source, target)
        except FileNotFoundError as fault:
            raise DataError(f"{source}: no such picture; 'unified data check' lists all that is wrong.") from fault
        except OSError as fault:
            raise DataError(f"{source}: cannot {how} it to {target}: {fault.strerror}.") from fault
        done += 1
        if progress is not None:
            progress(done, total)

    return put
