"""Sequences of frames: folders, globs and pictures at hand. Videos are read by video.py."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PIL import Image

from unified.data.paths import missing
from unified.data.readers.pictures import SUFFIXES, is_picture
from unified.errors import ConfigError, DataError
from unified.predict import Picture, to_rgb

MOT_FOLDER = "img1"  # where the sequences of MOTChallenge keep their frames


class Frames(Protocol):
    """A sequence."""

    @property
    def name(self) -> str: ...

    @property
    def numbers(self) -> Sequence[int]:
        """Of all frames, rising."""

    @property
    def rate(self) -> float | None:
        """Frames a second, where it is known."""

    def pictures(self, wanted: Sequence[int]) -> Iterator[tuple[int, Image.Image]]:
        """The frames of these numbers (rising), upright RGB, one by one.

        Raises:
            DataError: one cannot be read, or differs in size from the first.
        """


@dataclass(frozen=True)
class Stills:
    """A sequence of single pictures."""

    name: str
    files: Mapping[int, Picture]
    rate: float | None = None

    @property
    def numbers(self) -> Sequence[int]:
        return tuple(self.files)

    def pictures(self, wanted: Sequence[int]) -> Iterator[tuple[int, Image.Image]]:
        size: tuple[int, int] | None = None
        for number in wanted:
            picture = to_rgb(self.files[number])
            size = size or picture.size
            if picture.size != size:
                raise DataError(
                    f"{self.name}: frame {number} ({_called(self.files[number])}) is {picture.width}x{picture.height} "
                    f"pixels, the first {size[0]}x{size[1]}. The frames of a sequence have one size: is it several?"
                )
            yield number, picture


def open_frames(source: str | Path) -> Frames:
    """A folder of frames (or one that has them in img1), a glob, or a video file.

    Frames come in natural order, 9 before 10. Where every file name is a number, as in 000047.jpg, it is the frame's
    number, as in MOTChallenge; otherwise they count from 1.

    Raises:
        DataError: nothing there, no picture in it, or no video.
        MissingExtraError: it is a video, and PyAV is not installed.
    """
    path = Path(source)
    if path.is_dir():
        inner = path / MOT_FOLDER
        folder = inner if inner.is_dir() and not _pictures(path) else path
        found = _pictures(folder)
        if not found:
            raise DataError(f"{source}: no frames in this folder; pictures end in {', '.join(sorted(SUFFIXES))}")
        # Of MOT17-02/img1, the sequence is MOT17-02.
        named = folder.resolve()
        return Stills(named.parent.name if named.name == MOT_FOLDER else named.name, _numbered(found))
    if path.is_file() and path.suffix.lower() not in SUFFIXES:
        from unified.track.video import Video

        return Video.opened(path)
    matches = [path] if path.is_file() else [Path(name) for name in glob.glob(str(source), recursive=True)]
    found = sorted((match for match in matches if match.is_file()), key=natural)
    if found:
        return Stills(found[0].resolve().parent.name, _numbered(found))
    if glob.has_magic(str(source)):
        raise DataError(f"{source}: no file matches")
    raise missing(path, "folder of frames or video")


def choose(frames: Frames, span: tuple[int, int] | None = None, stride: int = 1) -> tuple[int, ...]:
    """The numbers of the frames to track: from `span[0]` to `span[1]`, both included, of these every `stride`-th.

    Raises:
        ConfigError: a stride below 1.
        DataError: no frame is left.
    """
    if stride < 1:
        raise ConfigError(f"stride is {stride}; allowed: 1 or more")
    low, high = span or (frames.numbers[0], frames.numbers[-1])
    chosen = tuple(number for number in frames.numbers if low <= number <= high)[::stride]
    if not chosen:
        raise DataError(f"{frames.name} has no frame in {low}:{high}; it has {frames.numbers[0]}:{frames.numbers[-1]}")
    return chosen


def natural(path: Path) -> list[tuple[int, str]]:
    """A key that sorts runs of digits by what they count."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", str(path))]


def _pictures(folder: Path) -> list[Path]:
    return sorted((p for p in folder.iterdir() if is_picture(p.name) and p.is_file()), key=natural)


def _numbered(paths: Sequence[Path]) -> dict[int, Picture]:
    numbers = [int(path.stem) for path in paths if path.stem.isdecimal()]
    if len(set(numbers)) == len(paths):
        return dict(sorted(zip(numbers, paths, strict=True)))
    return dict(enumerate(paths, 1))


def _called(picture: Picture) -> str:
    return str(picture) if isinstance(picture, str | Path) else type(picture).__name__
