"""An experiment as a YAML file describes it.

title: what it is
config: jdc-shapes                       # of every variant that names none
set: {train.max_steps: 400}              # over that config, in every run
seeds: [0, 1, 2]
numbers: [detection/AP, detection/AP50]  # the columns
variants:                                # the first is what the others are compared with
  baseline: {set: {tasks.classification: false}, paper: {detection/AP: 47.8}}
  joint: {against: baseline}             # or a list of several
delta_m: {detection/AP: baseline}        # Δm: each number, and the variant it is relative to
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from unified.config import Config, read
from unified.config.files import FOLDER, SUFFIXES
from unified.config.schema import Name, Section
from unified.config.source import parse
from unified.errors import ConfigError, nearest

EXPERIMENTS = FOLDER / "experiments"

Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Variant(Section):
    """One row of the table."""

    config: str | None = None
    """Config of this variant, if not the experiment's."""
    set: dict[str, Any] = Field(default_factory=dict)
    """dotted.key → value, over the config and the experiment's own `set`."""
    against: str | list[str] | None = None
    """The variants that this one is compared with; the first if not given."""
    paper: dict[str, float] = Field(default_factory=dict)
    """What the paper prints for it, number → value in per cent."""


class Experiment(Section):
    """A grid of variants × seeds."""

    name: Name
    """Of the experiment, and of its folder under runs/; the file's name where not given."""
    title: str
    """What the table is."""
    config: str = ""
    """Config of the variants that name none."""
    set: dict[str, Any] = Field(default_factory=dict)
    """dotted.key → value, over the config of every variant."""
    seeds: Annotated[list[Seed], Field(min_length=1)]
    """One run of each variant a seed."""
    numbers: Annotated[list[str], Field(min_length=1)]
    """Columns of the table: "detection/AP"."""
    variants: Annotated[dict[Name, Variant], Field(min_length=1)]
    """Rows of the table; the name of a row is that of its folder, too."""
    delta_m: dict[str, str] = Field(default_factory=dict)
    """Number → variant that it is relative to: Δm is the mean relative change over these, in per cent."""

    def first(self) -> str:
        return next(iter(self.variants))

    def against(self, variant: str) -> list[str]:
        """The variants that this one is compared with: the first unless it names others; none for the first itself."""
        named = self.variants[variant].against
        if named is None:
            return [] if variant == self.first() else [self.first()]
        return [named] if isinstance(named, str) else named

    def run_config(self, variant: str, seed: int, overrides: tuple[str, ...] = ()) -> Config:
        """The config of one run; `overrides` come last.

        Raises:
            InvalidConfig: with all problems.
            ConfigError: an override says what tells the runs apart.
        """
        own = self.variants[variant]
        values = self.set | own.set | {"name": variant, "train.seed": seed}
        # JSON is YAML, which is what the command line takes.
        words = [f"{key}={json.dumps(value)}" for key, value in values.items()]
        config = read(own.config or self.config, [*words, *overrides])
        if config.train.seed != seed:
            why = "would be the seed of every run; give --seeds N, for 0 to N - 1, or write seeds: into the file"
            raise ConfigError(f"train.seed={config.train.seed} {why}")
        if config.name != variant:
            raise ConfigError(f"name={config.name} would be the name of every run; each has that of its variant")
        return config


def shipped() -> list[str]:
    """The experiments that come with the project."""
    return sorted(path.stem for path in EXPERIMENTS.glob("*.yaml"))


def read_experiment(name_or_path: str) -> Experiment:
    """The experiment called so: a name ending in .yaml is a file, any other a shipped one.

    Raises:
        ConfigError: no such experiment, or one that is not valid.
    """
    path = Path(name_or_path) if name_or_path.endswith(SUFFIXES) else EXPERIMENTS / f"{name_or_path}.yaml"
    if not path.is_file():
        raise ConfigError(f"no experiment {name_or_path!r}; {nearest(name_or_path, shipped())}")
    try:
        layer = parse(path.read_text(encoding="utf-8-sig"), str(path))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is no text in UTF-8: see byte {error.start}") from error
    if layer.problems:
        raise ConfigError("; ".join(map(str, layer.problems)))
    try:
        found = Experiment.model_validate({"name": path.stem} | layer.values)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise ConfigError(f"{path}: {'; '.join(faults)}") from error
    _check_names(found, path)
    if repeated := sorted({seed for seed in found.seeds if found.seeds.count(seed) > 1}):
        raise ConfigError(f"{path}: seeds: {repeated} more than once, which is one run and makes no mean more certain")
    return found


def _check_names(found: Experiment, path: Path) -> None:
    """Every variant that is named exists, and every one has a config."""
    named = [(f"variants.{name}.against", other) for name in found.variants for other in found.against(name)]
    named += [(f"delta_m.{number}", variant) for number, variant in found.delta_m.items()]
    for where, variant in named:
        if variant not in found.variants:
            raise ConfigError(f"{path}: {where}: no variant {variant!r}; {nearest(variant, found.variants)}")
    for name, own in found.variants.items():
        if not (own.config or found.config):
            raise ConfigError(f"{path}: variants.{name} has no config, and the experiment names none for all")
    for number in found.delta_m:
        if number not in found.numbers:
            raise ConfigError(f"{path}: delta_m.{number} is none of the numbers; {nearest(number, found.numbers)}")
