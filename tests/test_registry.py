from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pytest

from unified import registry
from unified.errors import ConfigError

OPTIONS = "from pydantic import BaseModel\nclass Options(BaseModel):\n    model_config = {'extra': 'forbid'}\n"
TASK = "def task(levels, taxonomy, **options): ...\n"


def declare(folder: Path, distribution: str, task: str) -> None:
    """As pip does when it installs a package with an entry point of ours."""
    info = folder / f"{distribution}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[unified.tasks]\npose = {task}\n")


def package(folder: Path, name: str, source: str) -> str:
    """A task package of that name, importable until the test ends."""
    (folder / name).mkdir()
    (folder / name / "__init__.py").touch()
    (folder / name / "pose.py").write_text(source)
    declare(folder, name, f"{name}.pose")
    return f"{name}.pose"


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_the_folders_of_tasks_are_the_tasks() -> None:
    names = registry.task_names()
    assert {"classification", "detection"} <= set(names) and names == sorted(names)


@pytest.mark.parametrize("name", registry.task_names())
def test_every_shipped_task_offers_what_a_task_must(name: str) -> None:
    assert callable(registry.load(name).task)
    assert registry.options(name).model_config["extra"] == "forbid"
    assert registry.summary(name)


def test_a_task_may_live_in_another_package(packages: Path) -> None:
    name = package(packages, "kind_people", OPTIONS + TASK)
    assert registry.load(name).__name__ == name


def test_code_that_no_installed_package_declares_is_not_run(packages: Path) -> None:
    for name in ("stranger", "stranger_in_use"):
        (packages / name).mkdir()
        ran = f"import os\nos.mkdir({str(packages / name / 'ran')!r})"
        (packages / name / "payload.py").write_text(OPTIONS + TASK + ran)
    with pytest.raises(ConfigError, match=r"'stranger\.payload'.*only if an installed package declares it"):
        registry.load("stranger.payload")
    assert not (packages / "stranger" / "ran").exists()
    import_module("stranger_in_use.payload")
    assert callable(registry.load("stranger_in_use.payload").task), "the user's program imported it"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("detecton", "unknown task 'detecton'; did you mean 'detection'"),
        ("xyz", "allowed: .*classification, detection"),
        ("nobody_has.this", "no Python package 'nobody_has.this' can be imported"),
        ("../detection", "is no task name"),
        ("tasks/detection", "is no task name"),
        ("a..b", "is no task name"),
        ("", "is no task name"),
    ],
)
def test_a_wrong_name_is_an_error_with_a_hint(name: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        registry.load(name)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (TASK, "has no pydantic model `Options`"),
        (OPTIONS, "has no function `task`"),
        ("", "has no function `task` and has no pydantic model `Options`"),
        ("class Options: ...\n" + TASK, "has no pydantic model `Options`"),
        ("from pydantic import BaseModel\nclass Options(BaseModel): ...\n" + TASK, "let unknown keys pass"),
    ],
)
def test_a_package_that_breaks_the_contract_is_told_the_contract(packages: Path, source: str, words: str) -> None:
    name = package(packages, f"broken{abs(hash(source))}", source)
    with pytest.raises(ConfigError, match=words) as caught:
        registry.load(name)
    assert registry.CONTRACT in str(caught.value)


def test_a_task_that_lacks_a_library_names_the_library(packages: Path) -> None:
    name = package(packages, "needy", "import surely_not_installed\n")
    with pytest.raises(ConfigError, match="needs the module 'surely_not_installed'"):
        registry.load(name)


def test_an_error_inside_a_task_is_not_hidden(packages: Path) -> None:
    name = package(packages, "raising", "1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        registry.load(name)


def test_another_package_called_tasks_is_named(packages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if registry.INSTALLED:
        pytest.skip("the wheel does not use the name `tasks`")
    (packages / "tasks.py").write_text("")
    for module in [name for name in sys.modules if name.split(".")[0] == "tasks"]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(ConfigError, match=r"the import name `tasks` is taken by .*tasks\.py"):
        registry.load("detection")
