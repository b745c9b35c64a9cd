from __future__ import annotations

import struct
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


def test_a_video_that_was_trimmed_without_encoding_has_the_frames_that_are_left(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    write_mp4(sorted(write_frames(tmp_path / "long", 48).iterdir()), tmp_path / "long.mp4", 12)
    with av.open(str(tmp_path / "long.mp4")) as long, av.open(str(tmp_path / "cut.mp4"), "w") as cut:
        stream = long.streams.video[0]
        copied, second = cut.add_stream_from_template(stream), int(1 / stream.time_base)
        for packet in long.demux(stream):
            if packet.dts is not None:  # the first second lies before the beginning: an edit list
                packet.pts, packet.dts, packet.stream = packet.pts - second, packet.dts - second, copied
                cut.mux(packet)
    frames = open_frames(tmp_path / "cut.mp4")
    assert len(frames.numbers) == 36
    assert [number for number, _ in frames.pictures(frames.numbers)] == list(range(1, 37))


@pytest.mark.parametrize(
    ("matrix", "corner"),
    [((1, 0, 0, 1), "top left"), ((0, 1, -1, 0), "top right"), ((-1, 0, 0, -1), "bottom right"),
     ((0, -1, 1, 0), "bottom left")],
)  # fmt: skip
def test_a_video_of_a_phone_held_upright_is_upright(
    matrix: tuple[int, int, int, int], corner: str, tmp_path: Path
) -> None:
    picture = Image.new("RGB", (96, 64), (0, 0, 200))
    picture.paste((200, 0, 0), (0, 0, 48, 32))  # the top left quarter
    picture.save(tmp_path / "a.png")
    write_mp4([tmp_path / "a.png"] * 3, tmp_path / "a.mp4", 10)
    data = bytearray((tmp_path / "a.mp4").read_bytes())
    place = data.index(b"tkhd") + 44  # of the display matrix: x' = ax + cy, y' = bx + dy
    a, b, c, d = (one << 16 for one in matrix)
    data[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    (tmp_path / "a.mp4").write_bytes(data)
    frames = open_frames(tmp_path / "a.mp4")
    ((_, shown),) = frames.pictures([2])
    width, height = shown.size
    assert (width, height) == ((96, 64) if matrix[0] else (64, 96))
    quarters = {"top left": (1, 1), "top right": (3, 1), "bottom right": (3, 3), "bottom left": (1, 3)}
    pixels = np.asarray(shown)
    red = {name for name, (x, y) in quarters.items() if pixels[y * height // 4, x * width // 4, 0] > 100}
    assert red == {corner}


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
