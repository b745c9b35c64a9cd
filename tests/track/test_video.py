from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.track.toys import write_frames
from unified.errors import DataError, MissingExtraError
from unified.track import open_frames
from unified.track.video import write_gif, write_mp4


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    return sorted(write_frames(tmp_path / "walk", 12, size=(65, 49)).iterdir())


def test_a_video_gives_back_the_frames_it_was_made_of(pictures: list[Path], tmp_path: Path) -> None:
    write_mp4(pictures, tmp_path / "walk.mp4", 5)
    frames = open_frames(tmp_path / "walk.mp4")
    assert frames.name == "walk" and list(frames.numbers) == list(range(1, 13)) and frames.rate == 5
    for number, picture in frames.pictures([2, 7, 12]):
        with Image.open(pictures[number - 1]) as original:
            assert picture.size == (64, 48)  # even sides
            assert np.abs(np.asarray(picture, dtype=int)[20, 20] - np.asarray(original)[20, 20]).max() < 12


def test_a_gif_shows_every_frame(pictures: list[Path], tmp_path: Path) -> None:
    write_gif(pictures, tmp_path / "walk.gif", 10)
    with Image.open(tmp_path / "walk.gif") as film:
        assert (getattr(film, "n_frames", 1), film.info["duration"], film.size) == (12, 100, (65, 49))
    assert list(open_frames(tmp_path / "walk.gif").numbers) == list(range(1, 13))


def test_a_video_that_cannot_be_read_is_told(pictures: list[Path], tmp_path: Path) -> None:
    (tmp_path / "noise.mp4").write_bytes(b"no video" * 100)
    (tmp_path / "empty.mp4").write_bytes(b"")
    for name in ("noise.mp4", "empty.mp4"):
        with pytest.raises(DataError, match=rf"{name}: not a video that can be read"):
            open_frames(tmp_path / name)


def test_a_video_cut_short_is_told(pictures: list[Path], tmp_path: Path) -> None:
    write_gif(pictures, tmp_path / "walk.gif", 10)
    frames = open_frames(tmp_path / "walk.gif")
    write_gif(pictures[:5], tmp_path / "walk.gif", 10)
    with pytest.raises(DataError, match="ends before frame 6 of 12"):
        list(frames.pictures(frames.numbers))


def test_without_pyav_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "walk.mp4").write_bytes(b"anything")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"PyAV.*unified\[track\]"):
        open_frames(tmp_path / "walk.mp4")
