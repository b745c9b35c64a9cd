"""Where configs are: the shipped ones by name, others by path; and the layers that one file stands for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unified.config.problem import Problem
from unified.config.schema import Data
from unified.config.source import Layer, parse
from unified.errors import ConfigError, nearest
from unified.registry import HOME

FOLDER = HOME / "configs"
SUFFIXES = (".yaml", ".yml")
_INSTEAD = (("path", "sources"), ("sources", "path"))  # key of `data`, and the one that takes its place
MAX_BYTES = 1_000_000  # a config is some kilobytes; what is larger is another kind of file


def shipped() -> list[str]:
    """Names of the configs that come with the project."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def summary(name: str) -> str:
    """The first line of a shipped config's head comment."""
    with find(name, Path()).open(encoding="utf-8") as lines:
        return next(lines).lstrip("# ").rstrip()


def find(name: str, folder: Path) -> Path:
    """The file of a config: a name ending in .yaml is a path from `folder`, any other name a shipped config.

    Raises:
        ConfigError: no such config.
    """
    if name.endswith(SUFFIXES):
        path = folder / os.path.expanduser(name)
        if path.is_file():
            return path
        beside = [other.name for ending in SUFFIXES for other in path.parent.glob(f"*{ending}")]
        raise ConfigError(f"no config file {shown(path)}; {nearest(path.name, [*beside, *shipped()])}")
    if name in shipped():
        return FOLDER / f"{name}.yaml"
    as_file = f"a file is written with its ending, {name}.yaml; " if (folder / f"{name}.yaml").is_file() else ""
    raise ConfigError(f"no shipped config {name!r}; {as_file}{nearest(name, shipped())}")


def layers(path: Path, above: tuple[Path, ...] = ()) -> list[Layer]:
    """The layers of a config file: its base's, then its own. `above` are the files that are based on this one."""
    layer = _parsed(path)
    base = layer.values.pop("base", None)
    if above:
        layer.values.pop("name", None)  # a name belongs to its own file
    if base is None:
        return [layer]
    try:
        if not isinstance(base, str):
            raise ConfigError(f"got {base!r}; allowed: a shipped config, or a file.yaml beside this one")
        found = find(base, path.parent)
        if found.resolve() in (file.resolve() for file in (path, *above)):
            raise ConfigError(f"{base} is in the end based on itself")
        return [*layers(found, (path, *above)), layer]
    except ConfigError as error:
        layer.problems.append(Problem(layer.origins[("base",)], "base", str(error)))
        return [layer]


def spelled_out(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """What one source says, without the short forms, and with the data path made absolute from `folder`."""
    full = dict(values)
    if isinstance(full.get("data"), str):
        # A whole section, so that the splits of another data set do not shine through from the base.
        full["data"] = Data(path=full["data"]).model_dump()
    if isinstance(full.get("data"), dict) and isinstance(full["data"].get("path"), str):
        full["data"] = full["data"] | {"path": _absolute(folder, full["data"]["path"])}
    if isinstance(full.get("data"), dict) and isinstance(full["data"].get("sources"), dict):
        sources = full["data"]["sources"].items()
        full["data"] = full["data"] | {"sources": {name: _source(folder, source) for name, source in sources}}
    if isinstance(full.get("data"), dict):
        # One data set or several: whichever is said takes the place of the other one of the base.
        full["data"] = {other: None for other, said in _INSTEAD if full["data"].get(said) is not None} | full["data"]
    if isinstance(full.get("tasks"), dict):
        full["tasks"] = {task: {} if options is None else options for task, options in full["tasks"].items()}
    return full


def _source(folder: Path, source: Any) -> Any:
    if isinstance(source, dict) and isinstance(source.get("path"), str):
        return source | {"path": _absolute(folder, source["path"])}
    return source


def _absolute(folder: Path, path: str) -> str:
    return os.path.abspath(folder / os.path.expanduser(path))


def shown(path: Path) -> str:
    """A path as messages show it: short where it is below the current folder."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive of Windows
        return str(path)
    return str(path) if relative.startswith("..") else relative


def _parsed(path: Path) -> Layer:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{shown(path)} is larger than {MAX_BYTES} bytes: that is no config")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"cannot read the config {shown(path)}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{shown(path)} is no text in UTF-8: see byte {error.start}") from error
    layer = parse(text, shown(path))
    layer.values = spelled_out(layer.values, path.parent)
    return layer
