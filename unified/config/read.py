"""A config file and `key=value` overrides → Config.

Sources go over each other, mapping into mapping, and the last word wins: the file's `base:`, the file, the overrides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unified.config import files
from unified.config.experiment import Config, validate
from unified.config.problem import InvalidConfig, KeyPath, Origin, Problem
from unified.config.source import Layer, parse_value
from unified.errors import ConfigError

COMMAND_LINE = "command line"
_PART = r'"[^"]+"|[^."\s]+'
_KEY = re.compile(rf"(?:{_PART})(?:\.(?:{_PART}))*")


def read(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """The config called so, changed by `key.sub=value` overrides.

    A name that ends in .yaml is a file, any other name a shipped config. A relative data path counts from the file that
    says it, in an override from the current folder. A quoted part of a key may hold dots: `tasks."my.pose".lr=1`.

    Raises:
        ConfigError: no such config, or an unreadable one.
        InvalidConfig: with all problems.
    """
    path = files.find(str(name_or_path), Path())
    layers = [*files.layers(path), *map(_override, overrides)]
    return _merged({}, layers, name=path.stem, source=files.shown(path))


def changed(config: Config, overrides: Sequence[str]) -> Config:
    """`config` with `key.sub=value` overrides over it; messages call its own values the stored config.

    Raises:
        InvalidConfig: with all problems.
    """
    return _merged(config.to_dict(), [*map(_override, overrides)], name=config.name, source="stored config")


def _merged(values: dict[str, Any], layers: Sequence[Layer], *, name: str, source: str) -> Config:
    """`values` with the layers over them, in order."""
    origins: dict[KeyPath, Origin] = {(): Origin(source)}
    problems: list[Problem] = []
    for layer in layers:
        values = _over(values, layer.values)
        origins |= layer.origins
        problems += layer.problems
    values.setdefault("name", name)
    if isinstance(values.get("tasks"), dict):
        values["tasks"] = {task: options for task, options in values["tasks"].items() if options is not False}
    try:
        config = validate(values, origins, name)
    except InvalidConfig as error:
        raise InvalidConfig(name, [*problems, *error.problems]) from None
    if problems:
        raise InvalidConfig(name, problems)
    return config


def _override(text: str) -> Layer:
    key, separator, value = text.partition("=")
    try:
        if not separator:
            raise ConfigError("is no key=value")
        if not _KEY.fullmatch(key):
            raise ConfigError(f'{key!r} is no key; write train.lr=0.01, or tasks."my.pose".width=3')
        if key == "base":
            raise ConfigError("base belongs into a file; on the command line, name that config itself")
    except ConfigError as error:
        return Layer(problems=[Problem(Origin(COMMAND_LINE), text, str(error))])
    path = tuple(part.strip('"') for part in re.findall(_PART, key))
    layer = parse_value(value, path, COMMAND_LINE)
    layer.values = files.spelled_out(layer.values, Path())
    return layer


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = _over(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged
