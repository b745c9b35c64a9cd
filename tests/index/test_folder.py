from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.index.gallery import ORIGIN, SMALL, Model, entries, entry, filled, vectors
from tests.index.writer import states
from unified.errors import RetrievalError
from unified.index.folder import FolderBackend
from unified.index.index import Index
from unified.index.lock import LOCK, writer_lock
from unified.index.manifest import MANIFEST, read_manifest, seal

ROOT = Path(__file__).parents[2]


def contents(index: Index) -> Model:
    """All that an index holds, read through its own calls."""
    model = Model()
    if len(index):
        ids = sorted(index.nearest(vectors(1), len(index)).ids[0].tolist())
        model.add(ids, index.vectors(ids), index.entries(ids))
    return model


def same(found: Model, expected: Model) -> bool:
    return found.held.keys() == expected.held.keys() and all(
        found.held[id][1] == what and np.allclose(found.held[id][0], vector, atol=1e-6)
        for id, (vector, what) in expected.held.items()
    )


def varied(folder: Path) -> Index:
    """Two segments, one of them with removed entries: every kind of file is there."""
    index = filled(folder, 60)
    index.add(vectors(5, seed=1), entries(range(60, 65)))
    index.remove([1, 2, 63])
    return index


def test_new_vectors_are_a_segment_of_their_own_and_segments_stay_few(tmp_path: Path) -> None:
    index = filled(tmp_path / "i", 1)
    for number in range(1, 25):
        index.add(vectors(1, number), [entry(number)])
        sizes = [segment["entries"] for segment in index.info()["segments"]]
        assert sum(sizes) == number + 1
        assert all(larger > smaller for larger, smaller in pairwise(sizes)), sizes
        assert len(sizes) <= (number + 1).bit_length()
    assert index.verify() == []


def test_only_files_of_the_committed_state_are_left(tmp_path: Path) -> None:
    index = varied(tmp_path / "i")
    index.compact()
    listed = json.loads((tmp_path / "i" / MANIFEST).read_text())["files"].keys()
    assert {path.name for path in (tmp_path / "i").iterdir()} == {*listed, MANIFEST, LOCK}
    assert len(listed) == 2
    assert index.info()["removed"] == 0 and len(index) == 62


def test_a_reader_keeps_its_state_until_it_refreshes(tmp_path: Path) -> None:
    index = varied(tmp_path / "i")
    reader = FolderBackend.open(tmp_path / "i")
    before = contents(Index(reader))
    index.add(vectors(100, seed=2), entries(range(65, 165)))
    index.remove([0])
    assert same(contents(Index(reader)), before)  # its files are deleted by now
    assert reader.refresh() and not reader.refresh()
    assert same(contents(Index(reader)), contents(index)) and len(reader) == 161


def test_a_state_that_is_swept_while_it_is_read_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = varied(tmp_path / "i")
    real, calls = Path.read_bytes, 0

    def read_bytes(path: Path) -> bytes:
        nonlocal calls
        calls += 1
        if calls == 3:  # the manifest and one file have been read
            with monkeypatch.context() as quiet:
                quiet.setattr(Path, "read_bytes", real)
                index.compact()
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    assert len(Index.open(tmp_path / "i")) == 62


# Two writers ----------------------------------------------------------------------------------------------------------


def test_a_second_writer_is_refused_at_once_with_the_first_ones_process(tmp_path: Path) -> None:
    index = filled(tmp_path / "i")
    changes: list[Callable[[], object]] = [
        lambda: index.add(vectors(1), [entry(0)]),
        lambda: index.remove([0]),
        index.compact,
    ]
    with writer_lock(tmp_path / "i"):
        for change in changes:
            with pytest.raises(RetrievalError, match=f"process {os.getpid()} is writing to this index"):
                change()
        assert index.search(vectors(1), 1)[0][0].id == 0
    assert index.add(vectors(1), [entry(0)]) == [20]


def test_the_lock_of_a_killed_writer_is_free(tmp_path: Path) -> None:
    filled(tmp_path / "i").close()
    code = (
        "import sys, time; from pathlib import Path; from unified.index.lock import writer_lock\n"
        "with writer_lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "i")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        with pytest.raises(RetrievalError, match=f"process {other.pid} is writing"):
            Index.open(tmp_path / "i").remove([0])
        other.kill()
    Index.open(tmp_path / "i").remove([0])


def test_writers_take_up_each_others_changes(tmp_path: Path) -> None:
    one = filled(tmp_path / "i", 10)
    other = Index.open(tmp_path / "i")
    assert other.add(vectors(2), entries(range(10, 12))) == [10, 11]
    assert one.add(vectors(2), entries(range(12, 14))) == [12, 13]
    other.remove([12])
    assert len(other) == 13 and len(one) == 14


# Full disk ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", range(1, 8))
@pytest.mark.parametrize("change", ["add", "remove", "compact"])
def test_a_disk_that_refuses_at_any_moment_leaves_the_last_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str, call: int
) -> None:
    index, calls = varied(tmp_path / "i"), 0
    before, real = contents(index), os.fsync

    def full(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            raise OSError(28, "No space left on device")
        real(handle)

    changes: dict[str, Callable[[], object]] = {
        "add": lambda: index.add(vectors(3), entries(range(3))),
        "remove": lambda: index.remove([0, 64]),
        "compact": index.compact,
    }
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        error = failure(changes[change])
    failed = error is not None
    assert failed == (calls >= call)
    if failed:
        assert "No space left on device. The last committed state is intact" in str(error)
    reopened = Index.open(tmp_path / "i")
    assert reopened.verify() == []
    last_step = failed and reopened.info()["generation"] == 4  # the manifest was in place when its folder was synced
    if failed and not last_step:
        assert same(contents(reopened), before) and same(contents(index), before)
    assert index.add(vectors(1), [entry(0)])[0] >= 65
    assert same(contents(index), contents(Index.open(tmp_path / "i")))


def failure(change: Callable[[], object]) -> RetrievalError | None:
    try:
        change()
    except RetrievalError as error:
        return error
    return None


def test_a_limit_of_the_system_on_file_sizes_is_a_full_disk(tmp_path: Path) -> None:
    filled(tmp_path / "i").close()
    code = (
        "import sys; from pathlib import Path; from tests.index.gallery import entries, vectors\n"
        "from unified.errors import RetrievalError; from unified.index.index import Index\n"
        "index = Index.open(Path(sys.argv[1]))\n"
        "try: index.add(vectors(4000), entries(range(4000)))\n"
        "except RetrievalError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "i")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16)),
    )
    assert "the change could not be written" in done.stdout and "state is intact" in done.stdout, done.stdout
    with Index.open(tmp_path / "i") as index:
        assert len(index) == 20 and index.verify() == []


def test_too_small_a_disk_is_noticed_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = filled(tmp_path / "i")
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(RetrievalError, match="No space left on device"):
        index.add(vectors(1), [entry(0)])
    assert len(Index.open(tmp_path / "i")) == 20


# Damage ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [30, pytest.param(500, marks=pytest.mark.slow)])
def test_every_changed_byte_is_detected(tmp_path: Path, count: int) -> None:
    varied(tmp_path / "i").close()
    generator = random.Random(0)
    names = sorted(path.name for path in (tmp_path / "i").iterdir() if path.name != LOCK)  # the lock holds no data
    assert {Path(name).suffix for name in names} == {".json", ".faiss", ".sqlite", ".live"}
    for number in range(count):
        path = tmp_path / "i" / names[number % len(names)]
        original = path.read_bytes()
        path.write_bytes(mutated(original, generator, number))
        with pytest.raises(RetrievalError, match=path.name):
            Index.open(tmp_path / "i")
        path.write_bytes(original)
    assert Index.open(tmp_path / "i").verify() == []


def mutated(data: bytes, generator: random.Random, number: int) -> bytes:
    """One flipped bit; now and then a cut, a doubled end, or a block of zeros."""
    place = generator.randrange(len(data))
    if number % 5 == 4:
        changed = [data[:place], data + data[place:], data[:place] + bytes(len(data) - place)][number // 5 % 3]
        if changed != data:
            return changed
    return data[:place] + bytes([data[place] ^ 1 << generator.randrange(8)]) + data[place + 1 :]


def test_damage_under_an_open_index_is_found_by_verify(tmp_path: Path) -> None:
    index = varied(tmp_path / "i")
    assert index.verify() == []
    path = next((tmp_path / "i").glob("*.faiss"))
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    (fault,) = index.verify()
    assert path.name in fault and "SHA-256" in fault
    path.unlink()
    (fault,) = index.verify()
    assert path.name in fault and "No such file" in fault


def test_files_of_two_indexes_do_not_mix(tmp_path: Path) -> None:
    filled(tmp_path / "i", 20).close()
    filled(tmp_path / "j", 20).remove([0])
    for path in (tmp_path / "i").glob("*.sqlite"):
        shutil.copy(path, tmp_path / "j" / path.name)
    assert len(Index.open(tmp_path / "j")) == 19  # the same entries: the same file
    shutil.copy(tmp_path / "i" / MANIFEST, tmp_path / "j" / MANIFEST)
    assert len(Index.open(tmp_path / "j")) == 20
    (tmp_path / "j" / "00000001.sqlite").write_bytes(b"SQLite format 3\0")
    with pytest.raises(RetrievalError, match=r"00000001\.sqlite: damaged: 16 bytes instead of"):
        Index.open(tmp_path / "j")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vectors": "../00000001.faiss"}, "should match pattern"),
        ({"vectors": "00000002.faiss"}, "other files than it lists"),
        ({"recall": None}, "damaged"),
    ],
)
def test_a_forged_manifest_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    filled(tmp_path / "i").close()
    manifest = read_manifest(tmp_path / "i")
    segments = (manifest.segments[0].model_copy(update=change),)
    (tmp_path / "i" / MANIFEST).write_bytes(seal(manifest.model_copy(update={"segments": segments})))
    with pytest.raises(RetrievalError, match=message):
        Index.open(tmp_path / "i")


def test_vectors_of_another_dimension_than_the_origins_are_refused(tmp_path: Path) -> None:
    filled(tmp_path / "i").close()
    manifest = read_manifest(tmp_path / "i")
    other = manifest.model_copy(update={"origin": ORIGIN.model_copy(update={"dimension": 9})})
    (tmp_path / "i" / MANIFEST).write_bytes(seal(other))
    with pytest.raises(RetrievalError, match="20 vectors of 8 numbers, but 20 entries, and vectors of 9"):
        Index.open(tmp_path / "i")


def test_an_index_of_another_format_says_which(tmp_path: Path) -> None:
    filled(tmp_path / "i").close()
    path = tmp_path / "i" / MANIFEST
    path.write_text(path.read_text().replace('"format_version": 1', '"format_version": 2'))
    with pytest.raises(RetrievalError, match="index format 2, and this program reads format 1"):
        Index.open(tmp_path / "i")


# Kill -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kills", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_an_index_whose_writer_is_killed_holds_the_last_committed_state(tmp_path: Path, kills: int) -> None:
    folder, generator, first, torn, expected = tmp_path / "i", random.Random(0), 0, 0, states(120)
    command = [sys.executable, "-m", "tests.index.writer"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writers:
        for _ in range(kills):
            if first > 40:
                shutil.rmtree(folder)
            if not folder.exists():
                Index(FolderBackend.create(folder, ORIGIN, SMALL)).close()
                first = 0
            reported = run_and_kill(writers, folder, first, generator.uniform(0, 0.1))
            torn += len(list(folder.iterdir())) > len(json.loads((folder / MANIFEST).read_text())["files"]) + 2
            with Index(FolderBackend.open(folder, SMALL)) as index:
                assert index.verify() == []
                found = contents(index)
            # The step that was under way when the signal came has happened as a whole, or not at all.
            steps = [step for step in (reported, reported + 1) if same(found, expected[step][0])]
            assert steps, f"killed after {reported} steps: {len(found.held)} entries are of no committed state"
            first = steps[-1]
    assert torn > kills // 10, "hardly any was killed while it was writing"


def run_and_kill(writers: subprocess.Popen[str], folder: Path, first: int, seconds: float) -> int:
    """Have a process start at step `first`, and kill it `seconds` later; how many steps have been reported in all."""
    assert writers.stdin is not None and writers.stdout is not None
    writers.stdin.write(json.dumps([str(folder), first]) + "\n")
    writers.stdin.flush()
    process = int(writers.stdout.readline().removeprefix("process "))
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    reported = [int(line) for line in iter(writers.stdout.readline, "dead\n")]
    return max(reported, default=first - 1) + 1
