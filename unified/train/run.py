"""The run folder: everything that one training leaves behind.

    config.yaml         resolved
    environment.json    one entry a start: versions, device, command, plan
    status.json         running, finished, interrupted or failed; where it stands
    metrics.jsonl, metrics.csv, speed.jsonl, tensorboard/         (`log.py`)
    codes.jsonl         the implicit codes over the training      (`code_log.py`)
    checkpoints/last, checkpoints/best                            (`checkpoint.py`)

A folder belongs to one run: nothing is written over another's files, and a resumed run goes on in its own. It is
locked while one process trains in it.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unified.errors import ConfigError, UnifiedError
from unified.ops.counted import counted
from unified.ops.lock import Held, exclusive
from unified.train import checkpoint, durable
from unified.train.checkpoint import LAST, Checkpoint, Progress, Provenance
from unified.train.log import JsonLines, Sink
from unified.train.tensorboard import TensorBoard

CONFIG, ENVIRONMENT, STATUS = "config.yaml", "environment.json", "status.json"
LOCK = ".lock"  # hidden: a folder with nothing else in it is empty
PACKAGES = ("unified", "torch", "torchvision", "timm", "numpy", "pillow", "safetensors")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One training's folder. Claim it with `create`."""

    path: Path
    provenance: Provenance

    @classmethod
    @contextmanager
    def create(
        cls, path: Path, provenance: Provenance, *, resume: bool = False, seen: bytes | None = None
    ) -> Iterator[RunFolder]:
        """Claim `path` for the block: a new or empty folder, or with `resume` the folder of a run to go on with.

        ConfigError when a folder has something in it that would be lost, nothing to go on with, another process that
        trains in it (where the file system has locks), or a checkpoint saved since `seen`, a `stamp`, was taken.
        """
        run = cls(path, provenance)
        with ExitStack() as claim:
            if early := (path / LOCK).exists():
                run._lock(claim)  # first of all: whoever trains here now is what there is to say
            status = run.status()
            if resume and status is None:
                raise ConfigError(f"{path}: no run to resume here; give the folder of a run, or leave out --resume")
            if not resume and _is_in_use(path):
                raise ConfigError(f"{path} is not empty: {_what_is_there(status)}")
            if seen is not None and run.stamp() != seen:
                why = "another process went on with this run meanwhile; call again to go on from there"
                raise ConfigError(f"{path}: {why}")
            path.mkdir(parents=True, exist_ok=True)
            if not early:
                run._lock(claim)
            run._begin(status)
            yield run

    def _lock(self, claim: ExitStack) -> None:
        try:
            claim.enter_context(exclusive(self.path / LOCK))
        except Held as holder:
            why = "wait until it is done, or give --out another folder"
            raise ConfigError(f"{self.path}: process {holder} is training in this folder; {why}") from holder
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise ConfigError(f"{self.path / LOCK} is a symbolic link, and no lock of ours; remove it") from error
            # Else: not every file system has locks, and a full disk is told by the first thing written.

    def _begin(self, status: Mapping[str, Any] | None) -> None:
        durable.sweep(self.checkpoints / LAST, checkpoint.MANIFEST)
        durable.sweep(self.checkpoints / checkpoint.BEST, checkpoint.MANIFEST)
        # The status first: by it a folder is known as that of a run.
        self.write_status("running", Progress() if status is None else Progress.model_validate(status["progress"]))

    @property
    def checkpoints(self) -> Path:
        return self.path / checkpoint.FOLDER

    def last(self) -> Checkpoint | None:
        """What to go on from; None when the run ended before it saved anything. CheckpointError when it is damaged."""
        folder = durable.standing(self.checkpoints / LAST, checkpoint.MANIFEST)
        return checkpoint.load(folder) if folder.exists() else None

    def stamp(self) -> bytes | None:
        """What changes with every checkpoint that is saved; None before the first."""
        manifest = durable.standing(self.checkpoints / LAST, checkpoint.MANIFEST) / checkpoint.MANIFEST
        return manifest.read_bytes() if manifest.is_file() else None

    def save(self, name: str, progress: Progress, model: dict[str, Tensor], train: dict[str, Tensor]) -> None:
        """Save as checkpoints/`name`; CheckpointError when the disk refuses."""
        checkpoint.save(self.checkpoints / name, Checkpoint(model, progress, self.provenance, train))

    def metrics(self, *, every: int) -> Sink:
        """metrics.jsonl and its companions, with a line of every `every`-th update."""
        return JsonLines(self.path, every=every)

    def events(self, *, every: int) -> Sink:
        """TensorBoard events of every `every`-th update. MissingExtraError where TensorBoard is not installed."""
        return TensorBoard(self.path, every=every)

    def record_config(self, text: str) -> None:
        """Write config.yaml: `text`, which reads as the config that the provenance holds."""
        durable.replace_file(self.path / CONFIG, text.encode())

    def record_environment(self, facts: Mapping[str, Any]) -> None:
        """Append this start to environment.json: `facts` (device, plan …) beside what the machine says."""
        path = self.path / ENVIRONMENT
        starts = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        durable.replace_file(path, json.dumps([*starts, environment() | dict(facts)], indent=1).encode())

    def status(self) -> dict[str, Any] | None:
        """status.json; None where there is no run."""
        path = self.path / STATUS
        if not path.is_file():
            return None
        try:
            status = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{path}: not JSON ({error}); move the file away, or resume a copy") from error
        return status if isinstance(status, dict) and {"state", "progress"} <= status.keys() else None

    def write_status(self, state: str, progress: Progress, error: str = "") -> None:
        status = {"state": state, "time": _now(), "process": os.getpid(), "progress": progress.model_dump()}
        status |= {"error": error} if error else {}
        durable.replace_file(self.path / STATUS, json.dumps(status, indent=1).encode())

    @contextmanager
    def watched(self, progress: Callable[[], Progress]) -> Iterator[None]:
        """Keep in status.json how the block ends."""
        try:
            self.write_status("running", progress())
            yield
        except KeyboardInterrupt:
            self.write_status("interrupted", progress())
            raise
        except Exception as error:
            with suppress(OSError):  # a full disk may be why it failed
                self.write_status("failed", progress(), f"{type(error).__name__}: {error}")
            if isinstance(error, OSError):
                raise UnifiedError(f"{self.path}: the training stopped: {error}") from error
            raise
        self.write_status("finished", progress())


def numbered(root: Path, name: str) -> Path:
    """Make and return `root/name/1`, or the next number that nobody has; safe against parallel starts."""
    if name in ("", ".", "..") or Path(name).name != name:
        raise ConfigError(f"a run cannot be named {name!r}: its name is the name of a folder")
    number = 1
    while True:
        path = root / name / str(number)
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return path


def environment() -> dict[str, Any]:
    """What a run's numbers may depend on, beside its config."""
    return {
        "time": _now(),
        "command": sys.argv,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _is_in_use(path: Path) -> bool:
    """Whether there is anything that a new run would mix with; hidden files are of no account."""
    return path.exists() and (not path.is_dir() or any(not entry.name.startswith(".") for entry in path.iterdir()))


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def _what_is_there(status: Mapping[str, Any] | None) -> str:
    if status is None:
        return "give --out a new folder"
    where = status["progress"]
    best = "" if where["best"] is None else f", best {where['best']:.4f}"
    return (
        f"it holds a run ({status['state']} after {counted(where['epoch'], 'epoch')}, {where['step']} updates{best}). "
        "Go on with it by --resume, or give --out another folder"
    )
