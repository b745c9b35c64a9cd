"""Checkpoints: every byte comes back, or an error says why not; nothing is ever executed."""

from __future__ import annotations

import errno
import json
import os
import pickle
import random
import shutil
import subprocess
import sys
from collections import namedtuple
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unified.errors import CheckpointError
from unified.train import checkpoint as checkpoints
from unified.train import durable
from unified.train.checkpoint import (
    MANIFEST,
    MODEL,
    STATE,
    TRAIN,
    Checkpoint,
    Progress,
    Provenance,
    load,
    load_into,
    save,
)

FILES = (MODEL, TRAIN, STATE, MANIFEST)


def example(step: int = 7) -> Checkpoint:
    torch.manual_seed(step)
    return Checkpoint(
        model={"conv.weight": torch.randn(4, 3, 3, 3), "bn.count": torch.tensor(step)},
        progress=Progress(epoch=1, batch=2, step=step, best=0.1 + 0.2, sums={"a/b": 1e-17 + step}, counts={"a/b": 3}),
        provenance=Provenance(config={"trunk": "toy", "lr": 0.1}, taxonomy={"categories": ["é", "b"]}),
        train={"weights/conv.weight": torch.randn(4, 3, 3, 3), "rng/torch": torch.arange(9, dtype=torch.uint8)},
    )


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(a[key].equal(b[key]) and a[key].dtype == b[key].dtype for key in a)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    save(tmp_path / "last", example())
    found = load(tmp_path / "last")
    assert same(found.model, example().model)
    assert same(found.train, example().train)
    assert found.progress == example().progress
    assert found.provenance == example().provenance
    assert {path.name for path in (tmp_path / "last").iterdir()} == set(FILES)


def test_strides_and_shared_memory_do_not_matter(tmp_path: Path) -> None:
    weight = torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last)
    whole = torch.randn(6)
    save(tmp_path / "c", Checkpoint({"a": weight, "tied": weight, "part": whole[2:4], "none": torch.zeros(0)}))
    found = load(tmp_path / "c").model
    assert found["a"].equal(weight) and found["tied"].equal(weight) and found["part"].equal(whole[2:4])


def test_a_run_folder_means_its_best_checkpoint_or_else_its_last(tmp_path: Path) -> None:
    save(tmp_path / "checkpoints" / "last", example(2))
    assert load(tmp_path).progress.step == 2
    save(tmp_path / "checkpoints" / "best", example(1))
    assert load(tmp_path).progress.step == 1
    assert load(tmp_path / "checkpoints" / "last").progress.step == 2


def test_a_checkpoint_for_inference_has_no_training_state(tmp_path: Path) -> None:
    save(tmp_path / "best", Checkpoint(example().model))
    assert not (tmp_path / "best" / TRAIN).exists()
    assert load(tmp_path / "best").train == {}


# --- damage ---------------------------------------------------------------------------------------------------------


def test_every_flipped_bit_is_detected(tmp_path: Path) -> None:
    folder = tmp_path / "last"
    save(folder, example())
    whole = {name: (folder / name).read_bytes() for name in FILES}
    draw = random.Random(0)
    for trial in range(60):
        name = FILES[trial % len(FILES)]
        data = bytearray(whole[name])
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        (folder / name).write_bytes(data)
        with pytest.raises(CheckpointError) as caught:
            load(folder)
        assert str(folder) in str(caught.value) and "\n" not in str(caught.value)
        (folder / name).write_bytes(whole[name])
    load(folder)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_detected(name: str, share: float, tmp_path: Path) -> None:
    save(tmp_path / "last", example())
    path = tmp_path / "last" / name
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(CheckpointError, match=name):
        load(tmp_path / "last")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(name: str, tmp_path: Path) -> None:
    save(tmp_path / "last", example())
    (tmp_path / "last" / name).unlink()
    with pytest.raises(CheckpointError, match=name):
        load(tmp_path / "last")


def test_another_format_version_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "last", example())
    path = tmp_path / "last" / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 2, "new_key": 0}))
    with pytest.raises(CheckpointError, match="format 2, this program reads format 1"):
        load(tmp_path / "last")


def test_a_manifest_reaches_no_file_but_its_own(tmp_path: Path) -> None:
    save(tmp_path / "last", example())
    path = tmp_path / "last" / MANIFEST
    manifest = json.loads(path.read_text())
    manifest["files"]["../secret"] = manifest["files"][MODEL]
    path.write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="secret"):
        load(tmp_path / "last")


def test_a_manifest_nested_without_end_is_damaged(tmp_path: Path) -> None:
    save(tmp_path / "last", example())
    (tmp_path / "last" / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(CheckpointError, match="damaged"):
        load(tmp_path / "last")


def test_what_is_no_checkpoint_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        load(tmp_path / "nowhere")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.jpg").touch()
    with pytest.raises(CheckpointError, match=r"found: a\.jpg"):
        load(tmp_path / "pictures")
    save(tmp_path / "last", example())
    with pytest.raises(CheckpointError, match="a checkpoint is a folder"):
        load(tmp_path / "last" / MODEL)


# --- foreign pickles ------------------------------------------------------------------------------------------------


class MakesFolder:
    """Leaves a folder behind where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(6))
def test_a_bare_pickle_is_refused_and_not_executed(protocol: int, tmp_path: Path) -> None:
    (tmp_path / "yolor.pt").write_bytes(pickle.dumps(MakesFolder(tmp_path / "owned"), protocol))
    with pytest.raises(CheckpointError, match="pickle"):
        load(tmp_path / "yolor.pt")
    assert not (tmp_path / "owned").exists()


def test_a_torch_archive_is_refused_and_not_executed(tmp_path: Path) -> None:
    torch.save(MakesFolder(tmp_path / "owned"), tmp_path / "weights.bin")
    with pytest.raises(CheckpointError, match="pickle"):
        load(tmp_path / "weights.bin")
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("listed", [True, False])
def test_a_pickle_among_the_files_is_refused_and_not_executed(listed: bool, tmp_path: Path) -> None:
    folder = tmp_path / "last"
    save(folder, example())
    data = pickle.dumps(MakesFolder(tmp_path / "owned"))
    (folder / MODEL).write_bytes(data)
    if listed:  # the manifest says so, too
        manifest = json.loads((folder / MANIFEST).read_text())
        manifest["files"][MODEL] = {"size": len(data), "sha256": sha256(data).hexdigest()}
        (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="not a checkpoint" if listed else "pickle"):
        load(folder)
    assert not (tmp_path / "owned").exists()


def test_a_header_whose_length_looks_like_a_pickle_is_no_pickle(tmp_path: Path) -> None:
    assert not checkpoints.looks_pickled(MODEL, (0x0280).to_bytes(8, "little") + b'{"a": ')
    assert checkpoints.looks_pickled(MODEL, pickle.dumps({"a": 1}))


# --- the disk refuses -----------------------------------------------------------------------------------------------


def assert_old_stands(folder: Path) -> None:
    assert load(folder).progress.step == 1
    assert [path.name for path in folder.parent.iterdir()] == [folder.name], "nothing is left beside it"


@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_full_disk_keeps_the_old_checkpoint(
    at: int, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "last"
    save(folder, example(1))
    written = 0

    def write_half(path: Path, data: bytes) -> None:
        nonlocal written
        if written == at:
            path.write_bytes(data[: len(data) // 2])
            raise OSError(code, os.strerror(code))
        written += 1
        path.write_bytes(data)

    monkeypatch.setattr(durable, "write_synced", write_half)
    with pytest.raises(CheckpointError, match=r"last: .* needs [\d,]+ bytes, [\d,]+ are free") as caught:
        save(folder, example(2))
    assert os.strerror(code) in str(caught.value)
    assert_old_stands(folder)


def test_room_is_asked_for_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "last"
    save(folder, example(1))
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 9, 1))
    with pytest.raises(CheckpointError, match=r"No space left.* 1 are free"):
        save(folder, example(2))
    assert_old_stands(folder)


@pytest.mark.parametrize("call", ["mkdir", "rename"])
def test_a_folder_that_cannot_be_written_is_an_error(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "last"
    save(folder, example(1))

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, call, refuse)
    monkeypatch.setattr(Path, call, refuse)  # which in Python 3.10 has its own hold of those of os
    with pytest.raises(CheckpointError, match="Permission denied"):
        save(folder, example(2))
    assert_old_stands(folder)


SAVE_AND_BE_KILLED = """
import os, random, signal, sys, time
from pathlib import Path
import torch
from unified.train.checkpoint import Checkpoint, Progress, load, save

folder, draw, least = Path(sys.argv[1]) / "last", random.Random(0), 0
os.fsync = lambda handle: None  # a kill, other than a power cut, leaves the system's memory alone
for trial in range(int(sys.argv[2])):
    ended, end = os.pipe()
    child = os.fork()
    if child == 0:
        step = least
        while True:
            step += 1
            tensors = {str(i): torch.full((5000,), float(step)) for i in range(8)}
            save(folder, Checkpoint(tensors, Progress(step=step), train=tensors))
            os.write(end, b".")
    os.read(ended, 1)
    time.sleep(0.02 * draw.random())
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    found = load(folder)
    assert all((value == found.progress.step).all() for value in found.model.values())
    assert found.progress.step > least, "a save that had ended was lost"
    least = found.progress.step
save(folder, Checkpoint({}))
assert [path.name for path in folder.parent.iterdir()] == ["last"], "leftovers"
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_kill_while_saving_never_costs_the_checkpoint(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SAVE_AND_BE_KILLED, str(tmp_path), "20"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# --- another model --------------------------------------------------------------------------------------------------


def test_weights_of_another_model_are_refused_by_name() -> None:
    linear = nn.Linear(3, 2)
    before = linear.weight.clone()
    with pytest.raises(CheckpointError, match=r"best: .*bias is missing; the model has no scale"):
        load_into(linear, {"weight": torch.zeros(2, 3), "scale": torch.zeros(2)}, "best")
    with pytest.raises(CheckpointError, match=r"weight is \(4, 3\), the model's \(2, 3\)"):
        load_into(linear, {"weight": torch.zeros(4, 3), "bias": torch.zeros(2)}, "best")
    assert linear.weight.equal(before)
    load_into(linear, {"weight": torch.zeros(2, 3), "bias": torch.zeros(2)}, "best")
    assert not linear.weight.any()


def test_weights_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(CheckpointError, match="best: bias holds NaN or infinity"):
        load_into(nn.Linear(3, 2), {"weight": torch.zeros(2, 3), "bias": torch.tensor([0, float("nan")])}, "best")
