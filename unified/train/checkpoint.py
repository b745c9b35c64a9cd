"""Checkpoints: a folder of tensors and JSON under one manifest of SHA-256 sums.

    model.safetensors   the averaged weights: what inference uses
    train.safetensors   only in `last`: raw weights, momenta, joint loss, random states (see `state.py`)
    state.json          where the training stands, and what the weights are about
    manifest.json       name, size and SHA-256 of the others; written last

Saving replaces the folder as a whole (`durable.py`). Loading checks every byte before it is used, and never unpickles:
there is nothing in a checkpoint that could run.
"""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor, nn

from unified.errors import CheckpointError
from unified.train import durable

FORMAT_VERSION = 1
MODEL, TRAIN, STATE, MANIFEST = "model.safetensors", "train.safetensors", "state.json", "manifest.json"
LAST, BEST = "last", "best"
FOLDER = "checkpoints"  # of a run folder

ZIP_START = b"PK\x03\x04"  # what torch.save writes today
PICKLE_PROTOCOLS = range(2, 6)  # a bare pickle begins with 0x80 and one of these
PICKLE_SUFFIXES = (".pt", ".pth", ".pkl", ".ckpt")
# What messages advise.
_WANTED = f"give a run folder, or its {FOLDER}/{BEST} or {FOLDER}/{LAST}"
_CURE = f"use the other checkpoint of the run ({BEST} or {LAST}), or a copy"

SPARE_BYTES = 1 << 20  # beyond the tensors, for JSON and the folder itself


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Progress(Strict):
    """Where a training stands. Everything is counted from 0: epoch 3, batch 7 is the next batch to be trained on."""

    epoch: int = 0
    batch: int = 0  # of that epoch
    pictures: int = 0  # of a batch, in all processes; 0: not known
    step: int = 0  # optimiser updates done
    best: float | None = None  # fitness of the best evaluation
    best_epoch: int = 0  # epochs done at it
    stale: int = 0  # epochs from it to the latest evaluation
    scores: dict[str, float | None] = {}  # {"detection/AP": …} of the latest evaluation
    sums: dict[str, float] = {}  # loss parts of the epoch so far, added up …
    counts: dict[str, int] = {}  # … over that many batches


class Provenance(Strict):
    """What the weights are about; the training carries it along and does not look inside."""

    config: dict[str, Any] = {}  # resolved
    taxonomy: dict[str, Any] = {}  # class names and ids
    metadata: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One saved state. `train` is empty in a checkpoint that is for inference only."""

    model: dict[str, Tensor]
    progress: Progress = field(default_factory=Progress)
    provenance: Provenance = field(default_factory=Provenance)
    train: dict[str, Tensor] = field(default_factory=dict)


class Entry(Strict):
    size: int
    sha256: str


class Manifest(Strict):
    format_version: int
    files: dict[str, Entry]


class State(Strict):
    progress: Progress
    provenance: Provenance


def save(folder: Path, checkpoint: Checkpoint) -> None:
    """Write `folder` anew, atomically. CheckpointError when the disk refuses; the old checkpoint then stands."""
    tensors = {MODEL: checkpoint.model} | ({TRAIN: checkpoint.train} if checkpoint.train else {})
    need = SPARE_BYTES + sum(t.numel() * t.element_size() for group in tensors.values() for t in group.values())
    fresh = durable.fresh_name(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        durable.sweep(folder, MANIFEST)
        if shutil.disk_usage(folder.parent).free < need:
            raise OSError(errno.ENOSPC, "No space left on device")
        fresh.mkdir()
        entries = {name: _write(fresh / name, _pack(group)) for name, group in tensors.items()}
        state = State(progress=checkpoint.progress, provenance=checkpoint.provenance)
        entries[STATE] = _write(fresh / STATE, state.model_dump_json(indent=1).encode())
        manifest = Manifest(format_version=FORMAT_VERSION, files=entries)
        durable.write_synced(fresh / MANIFEST, manifest.model_dump_json(indent=1).encode())
        durable.move_in(folder)
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise CheckpointError(_disk_trouble(folder, need, error)) from error


def load(path: Path) -> Checkpoint:
    """Read the checkpoint at `path`, every byte verified; tensors are on the CPU.

    `path` is a checkpoint folder, or a run folder: then its best checkpoint, or the last where none was evaluated yet.
    """
    folder = locate(path)
    manifest = _read_manifest(folder)
    contents = {name: _read_verified(folder / name, entry) for name, entry in manifest.files.items()}
    try:
        state = State.model_validate_json(contents[STATE])
        model = tensors_from_bytes(contents[MODEL])
        train = tensors_from_bytes(contents[TRAIN]) if TRAIN in contents else {}
    except (ValidationError, SafetensorError) as error:
        raise CheckpointError(f"{folder}: not a checkpoint of this program: {_one_line(error)}") from error
    return Checkpoint(model, state.progress, state.provenance, train)


def locate(path: Path) -> Path:
    """The checkpoint folder that `path` means; CheckpointError says what was found instead."""
    for name in (BEST, LAST):
        folder = durable.standing(path / FOLDER / name, MANIFEST)
        if folder.exists():
            return folder
    folder = durable.standing(path, MANIFEST)
    if (folder / MANIFEST).is_file():
        return folder
    if path.is_file():
        raise CheckpointError(_foreign_file(path))
    if not path.exists():
        raise CheckpointError(f"{path}: no such checkpoint; {_WANTED}")
    found = sorted(entry.name for entry in path.iterdir())[:8]
    raise CheckpointError(
        f"{path}: no {MANIFEST} here, so not a checkpoint (found: {', '.join(found) or 'nothing'}); {_WANTED}"
    )


def load_into(module: nn.Module, tensors: Mapping[str, Tensor], what: str) -> None:
    """Copy `tensors` into the module's state; CheckpointError when a name or a shape differs.

    `what` is what the message calls the tensors.
    """
    own = module.state_dict()
    faults = [f"{name} is missing" for name in own if name not in tensors]
    faults += [f"the model has no {name}" for name in tensors if name not in own]
    faults += [
        f"{name} is {tuple(tensors[name].shape)}, the model's {tuple(tensor.shape)}"
        for name, tensor in own.items()
        if name in tensors and tensor.shape != tensors[name].shape
    ]
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise CheckpointError(
            f"{what}: weights of another model: {'; '.join(faults[:3])}{more}. Build the model from the checkpoint's "
            "config; other classes, widths or codes make another model"
        )
    module.load_state_dict(dict(tensors))
    wrong = [name for name, weight in module.named_parameters() if not weight.isfinite().all()]
    if wrong:
        raise CheckpointError(f"{what}: {wrong[0]} holds NaN or infinity; take an earlier checkpoint")


def looks_pickled(name: str, start: bytes) -> bool:
    """Whether a file of that name which begins so is a pickle, bare or in torch.save's archive. Nothing is executed."""
    # The length that a safetensors file begins with can look like a protocol; its JSON, from the ninth byte, cannot.
    bare = start[:1] == b"\x80" and start[1:2] != b"" and start[1] in PICKLE_PROTOCOLS and start[8:9] != b"{"
    return bare or start.startswith(ZIP_START) or name.endswith(PICKLE_SUFFIXES)


def _pack(tensors: Mapping[str, Tensor]) -> bytes:
    # Copies: the format knows no strides (channels last) and no shared memory (tied weights).
    return tensors_to_bytes({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()})


def _write(path: Path, data: bytes) -> Entry:
    durable.write_synced(path, data)
    return Entry(size=len(data), sha256=hashlib.sha256(data).hexdigest())


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    try:
        fields = json.loads(_read(path))
        version = fields["format_version"]
        if version == FORMAT_VERSION:
            manifest = Manifest.model_validate(fields)
            if not {MODEL, STATE} <= manifest.files.keys() <= {MODEL, STATE, TRAIN}:
                raise ValueError(f"lists {', '.join(sorted(manifest.files))}")
            return manifest
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CheckpointError(f"{path}: damaged ({_one_line(error)}); {_CURE}") from error
    raise CheckpointError(
        f"{folder}: checkpoint format {version!r}, this program reads format {FORMAT_VERSION}; "
        "use the version of the program that wrote it, or train anew"
    )


def _read_verified(path: Path, entry: Entry) -> bytes:
    data = _read(path)
    if len(data) == entry.size and hashlib.sha256(data).hexdigest() == entry.sha256:
        return data
    if looks_pickled(path.name, data):
        raise CheckpointError(_foreign_file(path))
    found = f"{len(data):,} bytes where the manifest says {entry.size:,}"
    if len(data) == entry.size:
        found = "its SHA-256 is not the manifest's"
    raise CheckpointError(f"{path}: damaged: {found}; {_CURE}")


def _read(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        raise CheckpointError(f"{path}: no file; {_CURE}")  # of a pipe there is no end
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}; {_CURE}") from error


def _foreign_file(path: Path) -> str:
    with open(path, "rb") as file:
        start = file.read(16)
    if looks_pickled(path.name, start):
        return (
            f"{path}: a pickle by its look, which can run any code when it is loaded; it was not opened. "
            "Checkpoints here are folders of safetensors: save its state dict as safetensors where you trust it"
        )
    return f"{path}: a file, and a checkpoint is a folder; {_WANTED}"


def _disk_trouble(folder: Path, need: int, error: OSError) -> str:
    free = shutil.disk_usage(next(p for p in folder.parents if p.exists())).free
    return (
        f"{folder}: the checkpoint could not be saved: {error.strerror}; it needs {need:,} bytes, {free:,} are free. "
        "The one before it is intact: make room, or the folder writable, then go on with --resume"
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
