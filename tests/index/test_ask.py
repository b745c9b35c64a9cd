from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from unified.errors import ConfigError, DataError
from unified.index.ask import read_box, read_vector


@pytest.mark.parametrize(("text", "box"), [("40,60,120,90", (40, 60, 120, 90)), (" 1.5, 2,3 ,4e1", (1.5, 2, 3, 40))])
def test_a_box_is_four_numbers(text: str, box: tuple[float, ...]) -> None:
    assert read_box(text) == box


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "1;2;3;4", "a,b,c,d", "1,2,3,"])
def test_anything_else_is_no_box(text: str) -> None:
    with pytest.raises(ConfigError, match="is no box; write X,Y,W,H"):
        read_box(text)


def test_a_vector_may_be_an_array_or_a_json_list_of_one_row_or_none(tmp_path: Path) -> None:
    numbers = [0.5, -1.0, 2.0]
    np.save(tmp_path / "a.npy", np.array(numbers))
    np.save(tmp_path / "b.npy", np.array([numbers], np.float16))
    (tmp_path / "c.json").write_text(json.dumps(numbers))
    (tmp_path / "d.txt").write_text(json.dumps([numbers]))
    for name in ("a.npy", "b.npy", "c.json", "d.txt"):
        read = read_vector(tmp_path / name)
        assert read.dtype == np.float32 and read.tolist() == [numbers], name


def _head(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


BROKEN = {
    "a.json": b"[1, 2",
    "b.json": b'["x"]',
    "c.json": b'{"vector": [1]}',
    "d.json": b"[[1], [2, 3]]",
    "e.npy": b"no array",
    "f.npy": b"",
    "g.json": b"7",
    "h.json": b"[[1, 2], [3, 4]]",
    "numbers as text.json": b'["1", "2"]',
    "i.json": b"\xff\xfe",
    "a number too long.json": b"[1" + b"0" * 400 + b"]",
    "nested without end.json": b"[" * 100_000,
    "half a head.npy": b"\x93NUMPY\x01\x00\x10\x00{'descr': ((((((",
    "no head.npy": b"\x93NUMPY\x01\x00\x10\x00{'descr': ))))))",
    "an archive.npy": b"PK\x03\x04",
    "too large.npy": _head("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999,), }"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_of_something_else_is_an_error(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(BROKEN[name])
    with pytest.raises(DataError, match=rf"{name}: .*a vector is one row of numbers"):
        read_vector(tmp_path / name)


def test_a_pickle_is_not_loaded_and_nobody_is_told_to_load_it(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"cannot be read as a \.npy file of real numbers; a vector is") as error:
        read_vector(tmp_path / "a.npy")
    assert "allow_pickle" not in str(error.value) and "unsafe" not in str(error.value)


@pytest.mark.parametrize("numbers", [[1 + 2j, 3], ["1", "2"], ["2020-01-01", "2020-01-02"]], ids=str)
def test_numbers_that_are_not_real_are_refused(numbers: list[object], tmp_path: Path) -> None:
    dates = numbers[0] == "2020-01-01"
    np.save(tmp_path / "a.npy", np.array(numbers, dtype="datetime64[D]" if dates else None))
    with pytest.raises(DataError, match="of real numbers"):
        read_vector(tmp_path / "a.npy")


def test_a_missing_file_names_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "query.npy").touch()
    with pytest.raises(DataError, match=r"no such vector\. Did you mean .*query\.npy"):
        read_vector(tmp_path / "qeury.npy")
