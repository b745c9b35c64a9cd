from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.track.toys import write_frames
from unified.errors import ConfigError, DataError
from unified.track import Stills, choose, open_frames


def save(path: Path, size: tuple[int, int] = (8, 6)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path)
    return path


def test_frames_come_in_natural_order_and_count_from_one(tmp_path: Path) -> None:
    for name in ("shot10.png", "shot9.png", "shot1.png", "notes.txt"):
        save(tmp_path / "walk" / name) if name.endswith("png") else (tmp_path / "walk" / name).write_text("x")
    frames = open_frames(tmp_path / "walk")
    assert isinstance(frames, Stills) and frames.name == "walk"
    assert {n: Path(str(p)).name for n, p in frames.files.items()} == {1: "shot1.png", 2: "shot9.png", 3: "shot10.png"}


def test_names_that_are_numbers_are_the_frames_numbers(tmp_path: Path) -> None:
    assert list(open_frames(write_frames(tmp_path / "walk", 3, first=47)).numbers) == [47, 48, 49]
    save(tmp_path / "walk" / "last.png")
    assert list(open_frames(tmp_path / "walk").numbers) == [1, 2, 3, 4]


def test_a_sequence_of_motchallenge_is_called_by_its_folder(tmp_path: Path) -> None:
    write_frames(tmp_path / "MOT17-02" / "img1", 2)
    assert open_frames(tmp_path / "MOT17-02").name == "MOT17-02"
    assert open_frames(tmp_path / "MOT17-02" / "img1").name == "MOT17-02"
    assert open_frames(str(tmp_path / "MOT17-02" / "img1" / "*.png")).numbers == (1, 2)


def test_pictures_come_one_by_one_only_those_that_are_wanted(tmp_path: Path) -> None:
    frames = open_frames(write_frames(tmp_path / "walk", 5))
    assert [(n, picture.size) for n, picture in frames.pictures([2, 4])] == [(2, (64, 48)), (4, (64, 48))]
    at_hand = Stills("mine", {1: np.zeros((6, 8, 3), dtype=np.uint8)})
    assert next(at_hand.pictures([1]))[1].size == (8, 6)


def test_a_span_and_a_stride_choose(tmp_path: Path) -> None:
    frames = open_frames(write_frames(tmp_path / "walk", 8, first=3))
    assert choose(frames) == tuple(range(3, 11))
    assert choose(frames, (5, 99), 2) == (5, 7, 9)
    with pytest.raises(DataError, match="walk has no frame in 1:2; it has 3:10"):
        choose(frames, (1, 2))
    with pytest.raises(ConfigError, match="stride is 0; allowed: 1 or more"):
        choose(frames, stride=0)


def test_frames_of_mixed_sizes_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "walk" / "1.png")
    save(tmp_path / "walk" / "2.png", (10, 6))
    with pytest.raises(DataError, match=r"walk: frame 2 \(.*2\.png\) is 10x6 pixels, the first 8x6"):
        list(open_frames(tmp_path / "walk").pictures([1, 2]))


def test_a_damaged_frame_is_named(tmp_path: Path) -> None:
    write_frames(tmp_path / "walk", 2)
    (tmp_path / "walk" / "000002.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"000002\.png"):
        list(open_frames(tmp_path / "walk").pictures([1, 2]))


def test_sources_that_hold_nothing_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty: no frames in this folder"):
        open_frames(tmp_path / "empty")
    with pytest.raises(DataError, match="no file matches"):
        open_frames(str(tmp_path / "*.jpg"))
    with pytest.raises(DataError, match=r"no such folder of frames or video. Did you mean .*empty"):
        open_frames(tmp_path / "emty")
