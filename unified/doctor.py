"""What this machine offers, what is wrong with it, and how to mend that. torch is imported late: it may be broken."""

from __future__ import annotations

import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from types import ModuleType
from typing import Literal

import unified
from unified import registry
from unified.errors import ConfigError

OLDEST_PYTHON = (3, 10)
SHARED_MEMORY = Path("/dev/shm")
# Two workers with three batches of 16 pictures at 640 px each.
ENOUGH_SHARED_MEMORY = 2 * 3 * 16 * 3 * 640**2
ENOUGH_DISK = 2**30  # a run keeps two checkpoints with optimiser state: some hundred megabytes for the common trunks

MISSING = "missing"

# What an extra brings everywhere: its marker says nothing else, of systems or versions of Python.
_EXTRA = re.compile(r"""([\w.-]+)[^;]*;\s*extra\s*==\s*['"]([\w-]+)['"]\s*$""")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `note`: works, but may surprise; `failed`: unified will not work."""

    name: str
    status: Literal["ok", "note", "failed"]
    found: str
    advice: str = ""

    @property
    def mark(self) -> str:
        return {"ok": "ok", "note": "note", "failed": "FAILED"}[self.status]

    def to_json(self) -> dict[str, str]:
        return asdict(self)


def examine() -> list[Check]:
    """All checks; those that need torch are left out where it cannot be imported."""
    torch_check = check_torch()
    checks = [check_python(), check_unified(), torch_check]
    if torch_check.status == "ok":
        checks += [check_package("timm"), *check_devices()]
    checks += [check_shared_memory(), check_disk(Path()), check_writable(Path())]
    if torch_check.status == "ok":
        checks += check_tasks()
    return [*checks, *check_extras()]


def check_python() -> Check:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {sys.executable}"
    if sys.version_info < OLDEST_PYTHON:
        return Check("python", "failed", found, "unified needs Python {}.{} or later".format(*OLDEST_PYTHON))
    return Check("python", "ok", found)


def check_unified() -> Check:
    kind = "installed package" if registry.INSTALLED else "checkout"
    return Check("unified", "ok", f"{unified.__version__}, {kind} in {registry.HOME}")


def check_torch(load: Callable[[str], ModuleType] = import_module) -> Check:
    """torch and torchvision import, and belong to the same build."""
    try:
        torch, torchvision = load("torch"), load("torchvision")
    except (ImportError, AttributeError, RuntimeError, OSError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        wanted = next((need for need in _requirements("torchvision") if re.match(r"torch\b", need)), "a torch")
        return Check(
            "torch, torchvision",
            "failed",
            f"torch {_version('torch')}, torchvision {_version('torchvision')}: {reason}",
            f"torchvision needs {wanted} of the same build (both CPU, or both for one CUDA version); "
            "install the two together: pip install --force-reinstall torch torchvision",
        )
    return Check("torch, torchvision", "ok", f"{torch.__version__}, {torchvision.__version__}")


def check_package(name: str) -> Check:
    try:
        return Check(name, "ok", version(name))
    except PackageNotFoundError:
        return Check(name, "failed", "not installed", f"pip install {name}")


def check_devices() -> Iterator[Check]:
    """Accelerators, and what the CPU is good at."""
    import torch

    from unified.ops.cores import cores
    from unified.ops.device import choose_device
    from unified.train.precision import Precision

    for i in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(i)
        yield Check(f"cuda:{i}", "ok", f"{card.name}, {card.total_memory / 2**30:.0f} GiB")
    device = choose_device()
    yield Check("device", "ok", f"auto is {device}, in {Precision.choose(device).describe()}")
    cpu = torch.device("cpu")
    capability = torch.backends.cpu.get_cpu_capability()
    if Precision.choose(cpu).dtype is torch.bfloat16:
        yield Check("cpu", "ok", f"{capability}, computes bfloat16")
    else:
        yield Check("cpu", "note", f"{capability}, no bfloat16 units", "float32 is used on the CPU: some times slower")
    threads = torch.get_num_threads()
    few = threads < cores()
    advice = "OMP_NUM_THREADS or the container limits torch to fewer threads than cores" if few else ""
    yield Check("threads", "note" if few else "ok", f"{threads} of {cores()} cores", advice)


def check_shared_memory(folder: Path = SHARED_MEMORY) -> Check:
    """Loader workers hand over their batches there."""
    if not folder.is_dir():
        return Check("shared memory", "ok", "not limited on this system")
    free = shutil.disk_usage(folder).free
    found = f"{free / 2**20:.0f} MiB free in {folder}"
    if free < ENOUGH_SHARED_MEMORY:
        return Check("shared memory", "note", found, "in a container: docker run --shm-size=2g; or train.workers=0")
    return Check("shared memory", "ok", found)


def check_disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    found = f"{free / 2**30:.1f} GiB free in {folder.resolve()}"
    if free < ENOUGH_DISK:
        return Check("disk", "note", found, "checkpoints may not fit; write runs elsewhere with --out DIR")
    return Check("disk", "ok", found)


def check_writable(folder: Path) -> Check:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return Check("current folder", "ok", f"{folder.resolve()} may be written")
    except OSError as error:
        advice = "work in a folder of your own, or write runs elsewhere with --out DIR"
        return Check("current folder", "note", f"{folder.resolve()}: {error.strerror}", advice)


def check_tasks() -> Iterator[Check]:
    """Every shipped task imports and keeps its side of the contract."""
    for name in registry.task_names():
        try:
            registry.load(name)
        except ConfigError as error:
            yield Check(f"task {name}", "failed", str(error))
        else:
            yield Check(f"task {name}", "ok", registry.summary(name))


def check_extras() -> Iterator[Check]:
    """The optional dependencies, by the name of the extra that brings them, to whatever system."""
    extras: dict[str, list[str]] = {}
    for found in filter(None, map(_EXTRA.match, _requirements("unified"))):
        extras.setdefault(found[2], []).append(found[1])
    for extra, packages in extras.items():
        if extra == "all":  # the others once more
            continue
        missing = [package for package in packages if _version(package) == MISSING]
        if missing:
            advice = f"optional: pip install 'unified[{extra}]'"
            yield Check(f"extra {extra}", "note", f"without {', '.join(missing)}", advice)
        else:
            yield Check(f"extra {extra}", "ok", ", ".join(f"{package} {_version(package)}" for package in packages))


def _requirements(package: str) -> list[str]:
    try:
        return requires(package) or []
    except PackageNotFoundError:
        return []


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return MISSING
