"""Task name → package: the project's only dynamic import.

The folder name is the registry: `tasks/detection/` is the task `detection`. A dotted name such as `their_package.pose`
is a task of another distribution, which declares it as an entry point; a config or a checkpoint may be a stranger's, so
the names in it run nothing else. In a checkout tasks are imported as `tasks.detection`, as on disk; a wheel carries
them inside the package, as `unified.tasks.detection`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from pydantic import BaseModel

from unified.errors import ConfigError, nearest

PACKAGE = Path(__file__).parent
INSTALLED = (PACKAGE / "tasks").is_dir()  # a wheel carries tasks/ and configs/ inside unified/
HOME = PACKAGE if INSTALLED else PACKAGE.parent  # a checkout keeps them beside it

GROUP = "unified.tasks"  # of entry points: `pose = "their_package.pose"`

CONTRACT = (
    "a task package offers `Options`, a pydantic model with extra='forbid', "
    "and `task(levels, taxonomy, **options) -> unified.task.Task`"
)


def task_names() -> list[str]:
    """The tasks that come with the project, in alphabetical order."""
    return sorted(init.parent.name for init in (HOME / "tasks").glob("*/__init__.py"))


def summary(name: str) -> str:
    """The first line of a task's docstring.

    Raises:
        ConfigError: as `load`.
    """
    return (load(name).__doc__ or "").strip().partition("\n")[0]


def load(name: str) -> ModuleType:
    """The task package called `name`: "detection", or "their_package.pose".

    Raises:
        ConfigError: no such task, or a package that does not offer what a task must.
    """
    module = _module_name(name)
    try:
        package = import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise ConfigError(f"task {name!r} needs the module {error.name!r}, which is not installed") from error
        raise ConfigError(f"unknown task {name!r}; {_hint(name)}") from error
    _check_contract(name, package)
    return package


def analysis(name: str) -> ModuleType:
    """The module `name` of the analysis package, wherever it is installed."""
    return import_module(f"unified.analysis.{name}" if INSTALLED else f"analysis.{name}")


def options(name: str) -> type[BaseModel]:
    """The pydantic model of what a config may say about the task.

    Raises:
        ConfigError: as `load`.
    """
    model: type[BaseModel] = load(name).Options
    return model


def weak_views(name: str) -> bool:
    """Whether the task learns from weakly augmented pictures only; its package says so: WEAK_VIEWS = True.

    Raises:
        ConfigError: as `load`.
    """
    return bool(vars(load(name)).get("WEAK_VIEWS", False))


def reads_objects(name: str) -> bool:
    """Whether the task reads objects or tags, and so depends on the classes; if not: READS_OBJECTS = False.

    Raises:
        ConfigError: as `load`.
    """
    return bool(vars(load(name)).get("READS_OBJECTS", True))


def _module_name(name: str) -> str:
    if not all(part.isidentifier() for part in name.split(".")):
        raise ConfigError(f"{name!r} is no task name; a task is a folder of tasks/ or a dotted Python package")
    if "." in name:
        if name not in sys.modules and name not in {point.value for point in entry_points(group=GROUP)}:
            raise ConfigError(f"unknown task {name!r}; {_hint(name)}")
        return name
    if name not in task_names():
        raise ConfigError(f"unknown task {name!r}; {_hint(name)}")
    return f"unified.tasks.{name}" if INSTALLED else f"tasks.{name}"


def _hint(name: str) -> str:
    if "." in name:
        return (
            f"no Python package {name!r} can be imported here as a task. A config may be a stranger's, so what it "
            f"names is run only if an installed package declares it (in its pyproject.toml, "
            f"[project.entry-points.{GROUP!r}]: {name.rpartition('.')[2]} = {name!r}), or if your program imported it"
        )
    if name in task_names():  # the folder is there, but Python finds another `tasks` first
        spec = find_spec("tasks")
        return f"the import name `tasks` is taken by {spec.origin if spec else 'another module'}"
    return f"{nearest(name, task_names())} (a task of another package is named with its dots: their_package.pose)"


def _check_contract(name: str, package: ModuleType) -> None:
    model = vars(package).get("Options")
    lacks = []
    if not callable(vars(package).get("task")):
        lacks.append("has no function `task`")
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        lacks.append("has no pydantic model `Options`")
    elif model.model_config.get("extra") != "forbid":
        lacks.append("has `Options` that let unknown keys pass")
    if lacks:
        raise ConfigError(f"task {name!r} ({package.__file__}) {' and '.join(lacks)}; {CONTRACT}")
