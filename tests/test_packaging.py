"""The wheel: one top-level name, with tasks and configs inside, that works far from the checkout."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

import unified
from unified import registry

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel, and borrows everything else from this one."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    paths = {key: Path(sysconfig.get_path(key, "venv", vars={"base": str(folder)})) for key in ("purelib", "scripts")}
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(paths["purelib"])
    # Only the folder itself: the checkout's own .pth in it is not followed.
    (paths["purelib"] / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    return paths["scripts"] / "python"


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder with a `tasks.py` of somebody else."""
    (tmp_path / "tasks.py").write_text("raise RuntimeError('a foreign tasks.py was imported')")
    return tmp_path


def call(python: Path, folder: Path, *words: str) -> Any:
    command = [str(python), "-m", "unified", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_brings_one_top_level_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    info = f"unified-{unified.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"unified", info}
    assert wheel.name.endswith("-py3-none-any.whl")
    assert {f"unified/tasks/{task}/__init__.py" for task in registry.task_names()} <= set(names)
    assert "unified/configs/base.yaml" in names and "unified/py.typed" in names
    assert f"{info}/licenses/LICENSE" in names
    assert not [name for name in names if "test" in Path(name).name or name.endswith(".pyc")]


def test_the_wheel_needs_few_packages_and_pins_none(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        metadata = packed.read(f"unified-{unified.__version__}.dist-info/METADATA").decode()
    needs = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:")]
    assert len([need for need in needs if "extra ==" not in need]) <= 16
    capped = [need for need in needs if "==" in need.split(";")[0] or "<" in need.split(";")[0]]
    assert all("torchjd" in need for need in capped), "whose minor releases break, and which is an extra"


def test_an_installed_unified_uses_its_own_tasks_beside_a_foreign_one(python: Path, hostile: Path) -> None:
    tasks = json.loads(call(python, hostile, "tasks", "--json"))
    assert [task["name"] for task in tasks] == registry.task_names()


def test_an_installed_unified_knows_its_configs(python: Path, hostile: Path) -> None:
    assert "jdc-shapes" in call(python, hostile, "config", "list")
    assert json.loads(call(python, hostile, "config", "show", "table3-ijdc", "--json"))["trunk"] == "yolov4-csp"


def test_an_installed_unified_is_not_the_checkout(python: Path, hostile: Path) -> None:
    checks = {check["name"]: check for check in json.loads(call(python, hostile, "doctor", "--json"))}
    assert "installed package" in checks["unified"]["found"]
