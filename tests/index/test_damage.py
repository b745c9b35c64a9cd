from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tests.index.gallery import ORIGIN, filled, varied
from unified.errors import RetrievalError
from unified.index.index import Index
from unified.index.lock import LOCK
from unified.index.manifest import MANIFEST, read_manifest, seal


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
