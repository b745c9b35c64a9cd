"""Config: one whole experiment, and what makes it valid."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError
from pydantic.json_schema import models_json_schema

from unified import registry
from unified.config.explain import explain
from unified.config.problem import InvalidConfig, KeyPath, Origin, Problem, dotted
from unified.config.schema import Augment, Data, Joint, Name, Section, Train
from unified.errors import ConfigError, nearest

_Model = TypeVar("_Model", bound=BaseModel)


class Config(Section):
    """A whole experiment. Read one with `unified.config.read`; only `unified/build.py` unpacks it."""

    name: Name = "run"
    """Of the experiment and of its folder under runs/; the file's name where not given."""
    trunk: str
    """Shared network: a name of `unified models` (NAME:D, NAME:T choose the dialect), or timm/<name>."""
    size: Annotated[int, Field(ge=32, le=8192, multiple_of=32)] = 640
    """Side of the square network input in pixels; a multiple of the trunk's largest stride."""
    data: Data | None = None
    """Data set: a path, or {path, train, val, …}, or {sources, mix, …}; null = given on the command line, data=PATH."""
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:[0-9]+)?|mps)$")] = "auto"
    """auto, cpu, cuda, cuda:N or mps. auto: the first accelerator, else the CPU."""
    tasks: Annotated[dict[str, dict[str, Any]], Field(min_length=1)]
    """Task → its options (`unified tasks NAME`); null = all defaults, false = without a task that the base has."""
    augment: Augment = Augment()
    """Random changes of the training pictures."""
    train: Train = Train()
    """The training run."""
    joint: Joint = Joint()
    """How the tasks' losses become one update."""

    def dataset(self) -> Data:
        """The data section, which a run cannot do without.

        Raises:
            ConfigError: the config has none.
        """
        if self.data is None:
            raise ConfigError(f"config {self.name!r} names no data; add data=PATH, a folder in COCO's layout")
        return self.data

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values under the names that files use; `Config.from_dict` of them gives an equal config."""
        return self.model_dump(mode="json", by_alias=True)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], source: str = "stored config") -> Config:
        """The inverse of `to_dict`; `source` is what messages call the place where the values come from.

        Raises:
            InvalidConfig: with all problems.
        """
        return validate(values, {(): Origin(source)}, str(values.get("name", source)))


def validate(values: Mapping[str, Any], origins: Mapping[KeyPath, Origin], name: str) -> Config:
    """Spelled-out values → Config with every default filled in, those of the tasks' options included.

    Raises:
        InvalidConfig: with all problems, each at the origin of its key or of the nearest key above it.
    """
    options, models = values.get("tasks"), {}
    found: list[tuple[KeyPath, str]] = []
    for task in options if isinstance(options, dict) else ():
        try:
            models[task] = registry.options(task)
        except ConfigError as error:
            found.append((("tasks", task), str(error)))
    config, wrong = _parsed(Config, values, models, ())
    invalid = {path for path, _ in wrong}
    found += [misfit for misfit in _misfits(values) if misfit[0] not in invalid] + wrong
    resolved = {}
    for task, model in models.items():
        parsed, wrong = _parsed(model, values["tasks"][task], models, ("tasks", task))
        found += wrong
        resolved[task] = parsed.model_dump(mode="json", by_alias=True) if parsed else {}
    if found or config is None:
        raise InvalidConfig(name, [Problem(_origin(origins, path), dotted(path), message) for path, message in found])
    return config.model_copy(update={"tasks": resolved})


def schema() -> dict[str, Any]:
    """JSON Schema of a config file, with the options of the shipped tasks; for editors and for documentation."""
    return _schema({task: registry.options(task) for task in registry.task_names()})


def schema_for(config: Config) -> dict[str, Any]:
    """The schema of a read config, with the options of its own tasks."""
    return _schema({task: registry.options(task) for task in config.tasks})


def _schema(models: Mapping[str, type[BaseModel]]) -> dict[str, Any]:
    """The schema of a config file with these tasks, short forms included."""
    classes: list[type[BaseModel]] = [Config, *models.values()]
    references, shared = models_json_schema([(model, "validation") for model in classes], by_alias=True)
    root: dict[str, Any] = shared["$defs"].pop(references[Config, "validation"]["$ref"].rsplit("/", 1)[-1])
    keys = root["properties"]
    keys["base"] = {"type": "string", "description": "Config that this one changes: a shipped name, or a file.yaml."}
    keys["data"]["anyOf"].insert(0, {"type": "string"})
    keys["tasks"]["properties"] = {
        task: {"anyOf": [references[model, "validation"], {"type": "null"}, {"const": False}]}
        for task, model in models.items()
    }
    return root | shared


def _parsed(
    model: type[_Model], found: Any, models: Mapping[str, type[BaseModel]], above: KeyPath
) -> tuple[_Model | None, list[tuple[KeyPath, str]]]:
    """`found` as `model`, or what is wrong with it, told by the schema of a file with the tasks of `models`."""
    try:
        # As JSON: strict about types, and yet a list may fill a tuple.
        return model.model_validate_json(json.dumps(found)), []
    except ValidationError as error:
        return None, explain(error, found, _schema(models), above)


def _misfits(values: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """Values that do not go together, or name what is not there."""
    from unified.model.variants import spec  # here, because it imports torch, which `config list` can do without

    trunk, size, tasks = values.get("trunk"), values.get("size"), values.get("tasks")
    if isinstance(trunk, str) and not trunk.startswith("timm/"):
        try:
            stride = max(spec(trunk).strides.values())
            if isinstance(size, int) and size % stride:
                yield ("size",), f"got {size}; allowed: a multiple of {stride}, the largest stride of {trunk}"
        except ConfigError as error:
            yield ("trunk",), str(error)
    joint = values.get("joint")
    yield from _weighting_misfits(joint if isinstance(joint, dict) else {})
    for path, task in _tasks_named(values):
        if isinstance(tasks, dict) and task not in tasks:
            yield path, f"the config has no such task; {nearest(task, tasks)}"
    yield from _mix_misfits(values)


def _tasks_named(values: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """Where a task is named outside `tasks`, and its name."""
    for above in (("joint", "weights"), ("joint", "parts"), ("train", "keep_labels")):
        for key in _mapping(values, *above):
            yield (*above, key), key.partition("/")[0]
    lists: dict[KeyPath, Any] = {("augment", "weak", "tasks"): _mapping(values, "augment", "weak").get("tasks")}
    for name in (sources := _mapping(values, "data", "sources")):
        lists["data", "sources", name, "tasks"] = _mapping(sources, name).get("tasks")
    for path, named in lists.items():
        yield from ((path, task) for task in named if isinstance(task, str)) if isinstance(named, list) else ()


def _mix_misfits(values: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    from unified.data.mix import fault_of  # here, because it imports numpy

    ratios, sources = _mapping(values, "data", "mix"), _mapping(values, "data", "sources")
    numbers = all(isinstance(ratio, int | float) and ratio >= 0 for ratio in ratios.values())  # else that is told
    if ratios and numbers and (fault := fault_of(ratios, list(sources))):
        yield ("data", "mix"), fault


def _mapping(values: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """The mapping at the path `keys`; empty where there is none."""
    found: Any = values
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _weighting_misfits(joint: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    from unified.train.weighting import catalogue  # here, because it imports torch

    name, options = joint.get("weighting", "fixed"), joint.get("options", {})
    if not isinstance(name, str) or not isinstance(options, dict):
        return
    if fault := catalogue.problem(name, options):
        yield ("joint", *fault[0].split(".", 1)), fault[1]
    known = catalogue.WEIGHTINGS.get(name)
    if joint.get("scale") == "log" and known is not None and known.no_logarithms:
        yield ("joint", "scale"), f"{name} {known.no_logarithms}; allowed with it: none, norm"


def _origin(origins: Mapping[KeyPath, Origin], path: KeyPath) -> Origin:
    """Of the key; else of a key in it, which is what made it a mapping; else of the nearest key above."""
    inside = [origin for known, origin in origins.items() if known[: len(path)] == path and path]
    if path in origins or not inside:
        while path and path not in origins:
            path = path[:-1]
        return origins.get(path, Origin("defaults"))
    return inside[-1]
