"""How a folder is known to be a finished product of this generator, and of which parameters."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from unified.data.shapes.plan import MOST_IDENTITIES
from unified.errors import ConfigError, DataError

MANIFEST = "shapes.json"
_GENERATOR = "unified data make shapes"
_VERSION = 1
"""Of the pictures: to be raised by any change that makes the same parameters give other files."""

SPLITS = ("train", "val")
_SIDES = (32, 4096)
_IDENTITIES = (1, 2000)  # there are only so many that differ clearly


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """All that the files depend on."""

    train: int
    val: int
    sizes: tuple[int, ...]
    """Each picture's width and height are drawn from these, pixels."""
    seed: int
    identities: int = MOST_IDENTITIES
    """Of train, at most."""

    def check(self) -> None:
        """Raise ConfigError where a parameter is out of range."""
        for name in SPLITS:
            if self.images(name) < 1:
                raise ConfigError(f"shapes: {name} = {self.images(name)}, but a split needs at least 1 picture")
        low, high = _SIDES
        if not self.sizes or not all(low <= size <= high for size in self.sizes):
            raise ConfigError(f"shapes: size = {list(self.sizes)}, but sizes are {low} to {high} pixels, at least one")
        if self.seed < 0:
            raise ConfigError(f"shapes: seed = {self.seed}, but a seed is 0 or more")
        fewest, most = _IDENTITIES
        if not fewest <= self.identities <= most:
            raise ConfigError(f"shapes: identities = {self.identities}, but there are {fewest} to {most}")

    def images(self, split: str) -> int:
        """Pictures in `split`."""
        return {"train": self.train, "val": self.val}[split]

    def files(self) -> Iterator[Path]:
        """Every file of the data set but the manifest, relative to its folder."""
        for split in SPLITS:
            for number in range(1, self.images(split) + 1):
                yield Path("images", split, file_name(number))
            yield annotation_path("instances", split)
            yield annotation_path("captions", split)
        yield Path("README.md")
        yield Path("preview.png")


def file_name(number: int) -> str:
    """Of the picture with this id, in its split's folder."""
    return f"{number:06d}.jpg"


def annotation_path(kind: str, split: str) -> Path:
    """Of an annotation file, relative to the data set's folder."""
    return Path("annotations", f"{kind}_{split}.json")


def claim(root: Path, parameters: Parameters) -> bool:
    """Take `root` for a data set of `parameters`; False if it already holds it, whole.

    An empty or missing folder, or one in which the same work was interrupted, is marked as begun.

    Raises:
        DataError: the folder holds anything else.
    """
    if root.exists() and not root.is_dir():
        raise DataError(f"{root} is a file; give a folder to write the data set into")
    if not root.is_dir() or not any(root.iterdir()):
        root.mkdir(parents=True, exist_ok=True)
    elif (found := _read(root)) is None:
        raise DataError(
            f"{root} is not empty and was not made by `{_GENERATOR}`; nothing was written. Give another folder"
        )
    elif found[0] != _header(parameters):
        raise DataError(
            f"{root} holds a data set of other parameters; nothing was written. Delete it or give another folder"
            f"\n  there: {json.dumps(found[0])}\n  asked: {json.dumps(_header(parameters))}"
        )
    elif found[1] and all((root / path).is_file() for path in parameters.files()):
        return False
    _write(root, parameters, complete=False)
    return True


def finish(root: Path, parameters: Parameters) -> None:
    """Mark the data set as whole. The last thing written."""
    _write(root, parameters, complete=True)


def _header(parameters: Parameters) -> dict[str, object]:
    return {
        "generator": _GENERATOR,
        "version": _VERSION,
        "parameters": {**asdict(parameters), "sizes": list(parameters.sizes)},
    }


def _read(root: Path) -> tuple[dict[str, object], bool] | None:
    """Header and completeness; None where there is no manifest that can be read."""
    try:
        found = json.loads((root / MANIFEST).read_text("utf-8"))
        header = {key: found[key] for key in ("generator", "version")}
        parameters = {"identities": MOST_IDENTITIES, **found["parameters"]}  # which older manifests do not name
        return {**header, "parameters": parameters}, found["complete"] is True
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(root: Path, parameters: Parameters, *, complete: bool) -> None:
    unfinished = root / f"{MANIFEST}.part"
    unfinished.write_text(json.dumps({**_header(parameters), "complete": complete}, indent=2) + "\n", "utf-8")
    os.replace(unfinished, root / MANIFEST)
