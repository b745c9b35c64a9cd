"""Imports point down, and the heavy ones come late. Read off the source: nothing is imported here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# From the ground up. A module may import what stands below it and what belongs to its own entry.
# `registry` imports no task by name, but by the name that it is given, and so stands at the bottom.
LAYERS = [
    ["unified", "unified.errors"],
    ["unified.ops", "unified.registry"],
    ["unified.model"],
    ["unified.data.sample", "unified.data.kinship"],
    ["unified.task"],
    ["unified.model.multitask"],
    ["unified.data", "unified.train"],
    ["unified.config"],
    ["unified.build_data"],
    ["unified.build"],
    ["unified.evaluate", "unified.settle"],
    ["unified.predict", "unified.training"],
    ["unified.index"],
    ["unified.planted"],
    [
        *("unified.benchmark", "unified.controls", "unified.demo", "unified.doctor", "unified.experiment"),
        "unified.track",
    ],
    ["analysis"],
    ["unified.cli"],
    ["unified.__main__"],
]
RANK = {name: rank for rank, row in enumerate(LAYERS) for name in row}
# Modules that a task may lean on.
FOR_TASKS = (
    *("unified.errors", "unified.task", "unified.ops", "unified.model"),
    *("unified.data.sample", "unified.data.kinship"),
)


def modules() -> Iterator[tuple[str, Path]]:
    for package in ("unified", "tasks", "analysis"):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(path: Path, module: str, *, typing: bool) -> tuple[tuple[str, int, bool], ...]:
    """(absolute name, line, at module level) of all that a file imports; without what only type checkers see."""
    return tuple(_imports(path, module, typing=typing))


def _imports(path: Path, module: str, *, typing: bool) -> Iterator[tuple[str, int, bool]]:
    tree = parsed(path)
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    top = {id(node) for node in tree.body}
    hidden = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if not typing and id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, id(node) in top
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            home = ".".join([*above, *([node.module] if node.module else [])])
            # `from unified import registry` imports a module, `from unified.errors import nearest` a name of one.
            for name in (f"{home}.{alias.name}" for alias in node.names):
                yield name if is_module(name) else home, node.lineno, id(node) in top


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def layer(module: str) -> str | None:
    """The row of the table that a module belongs to: the longest name that it starts with."""
    known = [name for name in RANK if f"{module}.".startswith(f"{name}.") and name != "unified"]
    return max(known, key=len) if known else "unified" if module == "unified" else None


ENGINE = [(module, path) for module, path in modules() if module.split(".")[0] != "tasks"]
TASKS = [(module, path) for module, path in modules() if module.split(".")[0] == "tasks"]


@pytest.mark.parametrize(("module", "path"), ENGINE, ids=[module for module, _ in ENGINE])
def test_the_engine_imports_downwards(module: str, path: Path) -> None:
    home = layer(module)
    assert home is not None, f"{module} is new: give it a place in LAYERS"
    for name, line, _ in imports(path, module, typing=False):
        if name.split(".")[0] not in ("unified", "tasks", "analysis"):
            continue
        assert not name.startswith("tasks"), f"{path}:{line} imports {name}: the engine knows no task by name"
        target = layer(name)
        assert target is not None, f"{path}:{line} imports {name}, which has no place in LAYERS"
        if target != home:
            assert RANK[target] < RANK[home], f"{path}:{line} imports {name}, which is not below {module}"


@pytest.mark.parametrize(("module", "path"), TASKS, ids=[module for module, _ in TASKS])
def test_a_task_imports_the_engine_below_it_and_its_own_siblings_relatively(module: str, path: Path) -> None:
    task = ".".join(module.split(".")[:2])
    for name, line, _ in imports(path, module, typing=True):
        if name.split(".")[0] == "tasks":
            assert f"{name}.".startswith(f"{task}."), f"{path}:{line} imports {name}: a task never imports another"
        if name.split(".")[0] in ("unified", "analysis"):
            assert f"{name}.".startswith(tuple(f"{below}." for below in FOR_TASKS)), f"{path}:{line} imports {name}"
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom) and not node.level:
            # A wheel calls them unified.tasks.
            assert (node.module or "").split(".")[0] != "tasks", f"{path}:{node.lineno}: import siblings relatively"


@pytest.mark.parametrize("module", ["unified", "unified.errors", "unified.registry", "unified.doctor", "unified.cli"])
def test_what_help_needs_imports_nothing_heavy(module: str) -> None:
    light = {"unified", "unified.errors", "unified.registry", "unified.cli"}
    for name, path in modules():
        if not f"{name}.".startswith(f"{module}.") or (module == "unified" and name != "unified"):
            continue
        for imported, line, top in imports(path, name, typing=False):
            if top:
                heavy = imported.split(".")[0] in ("torch", "torchvision", "timm", "numpy", "rich")
                foreign = imported.startswith("unified.") and layer(imported) not in light
                assert not heavy and not foreign, f"{path}:{line} imports {imported} at the start"


@pytest.mark.parametrize(
    ("library", "homes"),
    [
        ("timm", ("unified.model.timm_trunk", "unified.benchmark", "unified.doctor")),
        (
            "yaml",
            (
                *("unified.config.source", "unified.train.run", "analysis.comparison"),
                "unified.data.readers.yolo_layouts",
            ),
        ),
        ("defusedxml", ("unified.data.readers.xml_tree",)),
        ("typer", ("unified.cli",)),
        ("matplotlib", ("analysis",)),
        ("tensorboard", ("unified.train.tensorboard",)),
        ("pytorch_metric_learning", ("tasks.embedding.loss",)),
        ("trackeval", ("unified.track.score",)),
        ("av", ("unified.track.video",)),
        ("faiss", ("unified.index.ann",)),
        ("pymilvus", ("unified.index.milvus_server",)),
        ("sqlite3", ("unified.index.table",)),
        ("transformers", ("tasks.caption.decoder",)),
        ("tokenizers", ("tasks.caption.vocabulary",)),
    ],
)
def test_a_library_is_known_in_one_place(library: str, homes: tuple[str, ...]) -> None:
    for module, path in modules():
        for name, line, _ in imports(path, module, typing=False):
            if name.split(".")[0] == library:
                assert f"{module}.".startswith(tuple(f"{home}." for home in homes)), f"{path}:{line} imports {library}"


@pytest.mark.parametrize("library", ["transformers", "tokenizers"])
def test_what_an_extra_brings_is_imported_when_it_is_used(library: str) -> None:
    for module, path in modules():
        for name, line, top in imports(path, module, typing=False):
            assert not top or name.split(".")[0] != library, f"{path}:{line} imports {library} at the start"
