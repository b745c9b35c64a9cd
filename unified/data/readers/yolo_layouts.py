"""Where the files of a YOLO data set lie, as its data.yaml says or, without one, as folders are called.

    data.yaml                       names, train, val, test: folders, lists of folders, or text files that list pictures
    images/{split}/…  labels/{split}/…       or  {split}/images/…  {split}/labels/…       with classes.txt beside them

Paths are relative to `path` of the data.yaml, or else to its folder. The labels of …/images/a.jpg are …/labels/a.txt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from unified.data.fields import Fault
from unified.data.readers.pictures import folders_in
from unified.data.readers.text import read_classes, read_text, whole
from unified.errors import DataError

SPLITS = ("train", "val", "test")
CLASS_FILES = ("classes.txt", "labels/classes.txt")

_KIND = "YOLO description"


@dataclass(frozen=True, slots=True)
class Description:
    """What a data.yaml, or a list of classes and the names of folders, say."""

    file: Path
    base: Path  # what paths are relative to
    names: Mapping[int, str]  # class number → name, rising
    splits: Mapping[str, Sequence[str]]  # split → folders or lists of pictures
    keypoints: bool = False  # rows are a box and keypoints
    lost: str = ""  # a `path` that is not there


def describe(root: Path) -> Description | None:
    """None where the folder is no YOLO data set. Raises DataError for a data.yaml that makes no sense."""
    files = [root / "data.yaml", *(path for end in ("yaml", "yml") for path in sorted(root.glob(f"*.{end}")))]
    for path in files:
        values = _load(path, strict=path.name == "data.yaml") if path.is_file() else None
        if values is not None and "names" in values and any(values.get(split) for split in SPLITS):
            return _from_yaml(path, values)
    return _from_folders(root)


def _from_yaml(path: Path, values: Mapping[str, Any]) -> Description:
    splits = {}
    for split in SPLITS:
        found = values.get(split) or []
        places = [found] if isinstance(found, str) else found
        if not isinstance(places, list) or not all(isinstance(place, str) and place for place in places):
            raise DataError(f"{path}: {split} is {found!r}; allowed: a folder, a text that lists pictures, or several.")
        if places:
            splits[split] = places
    wanted = values.get("path") or "."
    if not isinstance(wanted, str):
        raise DataError(f"{path}: path is {wanted!r}; allowed: a folder.")
    base = path.parent / wanted
    lost = "" if base.is_dir() else wanted
    names = _names(path, values["names"])
    return Description(path, path.parent if lost else base, names, splits, "kpt_shape" in values, lost)


def _from_folders(root: Path) -> Description | None:
    file = next((root / name for name in CLASS_FILES if (root / name).is_file()), None)
    if file is None:
        return None
    splits = {
        folder.name: [f"images/{folder.name}"]
        for folder in folders_in(root / "images")
        if (root / "labels" / folder.name).is_dir()
    }
    for folder in folders_in(root):
        if (folder / "images").is_dir() and (folder / "labels").is_dir():
            splits.setdefault(folder.name, [f"{folder.name}/images"])
    if not splits and (root / "images").is_dir() and (root / "labels").is_dir():
        splits["train"] = ["images"]
    return Description(file, root, dict(enumerate(read_classes(file))), splits) if splits else None


def _names(path: Path, names: Any) -> dict[int, str]:
    """`names` is a list, or a mapping from class numbers."""
    pairs = enumerate(names) if isinstance(names, list) else names.items() if isinstance(names, dict) else ()
    found: dict[int, str] = {}
    for number, name in pairs:
        if not isinstance(name, str) or not name.strip():
            raise DataError(f"{path}: the name of class {number} is {name!r}; allowed: text.")
        try:
            found[whole(str(number), "a key of names", least=0)] = name
        except Fault as fault:
            raise DataError(f"{path}: {fault.message}.") from fault
    if not found:
        raise DataError(f"{path}: names is {names!r}; allowed: a list of class names, or a mapping number: name.")
    return dict(sorted(found.items()))


class _Words(yaml.BaseLoader):
    """Every scalar is text, whatever it looks like: a class may be called `no`. No aliases, which can be bombs."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*) are not allowed")
        node: yaml.Node | None = super().compose_node(parent, index)
        return node


def _load(path: Path, *, strict: bool) -> dict[str, Any] | None:
    """The mapping in a YAML file; None for another file, unless it is to be one (`strict`)."""
    try:
        values = yaml.load(read_text(path, _KIND), Loader=_Words)
    except (yaml.YAMLError, RecursionError) as fault:
        if strict:
            raise DataError(f"{path}: not valid YAML: {' '.join(str(fault).split())[:300]}.") from fault
        return None
    except DataError:
        if strict:
            raise
        return None
    return values if isinstance(values, dict) else None
