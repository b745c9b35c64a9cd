from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tests.index.gallery import contents, entries, entry, filled, same, varied, vectors
from unified.errors import RetrievalError
from unified.index.folder import FolderBackend
from unified.index.index import Index
from unified.index.lock import LOCK, writer_lock
from unified.index.manifest import MANIFEST

ROOT = Path(__file__).parents[2]


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


@pytest.mark.parametrize("removed", [(), (1,)], ids=["whole", "with removed entries"])
def test_an_index_that_is_built_anew_in_the_folder_is_taken_up_whole(tmp_path: Path, removed: tuple[int, ...]) -> None:
    def built(numbers: range) -> Index:
        shutil.rmtree(tmp_path / "i", ignore_errors=True)
        index = filled(tmp_path / "i", 0)
        index.add(vectors(5, numbers.start), entries(numbers))
        if removed:
            index.remove(removed)
        return index

    built(range(5)).close()
    reader, writer = Index.open(tmp_path / "i"), Index.open(tmp_path / "i")
    expected = contents(built(range(10, 15)))  # files of the same names, with other contents
    assert isinstance(reader.backend, FolderBackend) and reader.backend.refresh()
    assert same(contents(reader), expected)
    (added,) = writer.add(vectors(1), [entry(20)])
    writer.remove([added])
    writer.compact()
    assert same(contents(writer), expected) and same(contents(Index.open(tmp_path / "i")), expected)


def test_only_what_is_new_is_read_when_a_state_is_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index, reader = varied(tmp_path / "i"), FolderBackend.open(tmp_path / "i")
    index.remove([0])
    index.add(vectors(1), [entry(0)])
    read, real = list[str](), Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        read.append(path.name)
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    assert reader.refresh() and same(contents(Index(reader)), contents(index))
    generation = json.loads((tmp_path / "i" / MANIFEST).read_text())["generation"]
    assert sorted(read) == sorted(
        [f"{generation - 1:08d}-00000001.live", f"{generation:08d}.faiss", f"{generation:08d}.sqlite", MANIFEST]
    )


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


def test_a_lock_that_the_system_refuses_is_not_another_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("unified.ops.lock._take", refuse)
    with pytest.raises(RetrievalError, match="cannot be written to: No locks available"), writer_lock(tmp_path):
        pass


def test_a_disk_too_full_for_its_name_does_not_keep_a_writer_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("unified.ops.lock.os.getpid", full)  # in place of the write after it
    refused = pytest.raises(RetrievalError, match="process unknown is writing")
    with writer_lock(tmp_path), refused, writer_lock(tmp_path):
        pass


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
