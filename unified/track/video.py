"""Videos, in and out, by PyAV; the only file that imports it. GIFs out, by Pillow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image

from unified.errors import DataError, MissingExtraError

EXTRA = "track"
CODEC, PIXELS = "libx264", "yuv420p"  # what browsers play
GIF_CENTISECONDS = 100  # a GIF's clock

_QUARTERS = {1: Image.Transpose.ROTATE_90, 2: Image.Transpose.ROTATE_180, 3: Image.Transpose.ROTATE_270}


@dataclass(frozen=True)
class Video:
    """A video file as a sequence; its frames count from 1."""

    path: Path
    count: int
    rate: float | None

    @classmethod
    def opened(cls, path: Path) -> Video:
        """Reads through the file without decoding it, to count its frames.

        Raises:
            DataError: no video, or one without frames.
            MissingExtraError: PyAV is not installed.
        """
        av = _av()
        try:
            with av.open(str(path)) as container:
                if not container.streams.video:
                    raise DataError(f"{path}: no picture in it, only {len(container.streams)} other streams")
                stream = container.streams.video[0]
                # A video that was trimmed keeps, to be decoded and not shown, what the rest of it builds upon.
                count = sum(packet.size > 0 and not packet.is_discard for packet in container.demux(stream))
                rate = stream.average_rate
        except (av.FFmpegError, OSError) as fault:
            raise _unreadable(path, fault) from fault
        if not count:
            raise DataError(f"{path}: a video without frames")
        return cls(path, count, float(rate) if rate else None)

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def numbers(self) -> Sequence[int]:
        return range(1, self.count + 1)

    def pictures(self, wanted: Sequence[int]) -> Iterator[tuple[int, Image.Image]]:
        av = _av()
        left = set(wanted)
        size: tuple[int, int] | None = None
        try:
            with av.open(str(self.path)) as container:
                for number, frame in enumerate(container.decode(video=0), 1):
                    if number in left:
                        picture = _upright(frame)
                        size = size or picture.size
                        if picture.size != size:
                            now, first = f"{picture.width}x{picture.height}", f"{size[0]}x{size[1]}"
                            raise DataError(f"{self.path}: frame {number} is {now} pixels, the first {first}")
                        left.discard(number)
                        yield number, picture
                    if not left:
                        return
        except (av.FFmpegError, OSError) as fault:
            raise _unreadable(self.path, fault) from fault
        raise DataError(f"{self.path}: the video ends before frame {min(left)} of {self.count}: is it cut short?")


def write_mp4(pictures: Sequence[Path], out: Path, rate: float) -> None:
    """Pictures of one size as an H.264 video, `rate` a second; odd sides lose a pixel.

    Raises:
        MissingExtraError: PyAV is not installed.
    """
    av = _av()
    with av.open(str(out), "w") as container:
        stream = container.add_stream(CODEC, rate=Fraction(rate).limit_denominator(1000))
        stream.pix_fmt = PIXELS
        for i, path in enumerate(pictures):
            with Image.open(path) as picture:
                even = picture.convert("RGB").crop((0, 0, picture.width // 2 * 2, picture.height // 2 * 2))
            if not i:
                stream.width, stream.height = even.size
            container.mux(stream.encode(av.VideoFrame.from_image(even)))
        container.mux(stream.encode())


def write_gif(pictures: Sequence[Path], out: Path, rate: float) -> None:
    """Pictures of one size as an animation that repeats, `rate` a second (50 at most: no viewer shows more)."""
    steps = max(round(GIF_CENTISECONDS / rate), 2)

    def frames() -> Iterator[Image.Image]:
        for path in pictures:
            with Image.open(path) as picture:
                yield picture.convert("P", palette=Image.Palette.ADAPTIVE)

    rest = frames()
    next(rest).save(out, save_all=True, append_images=rest, duration=10 * steps, loop=0)


def check_installed() -> None:
    """MissingExtraError when PyAV is not installed."""
    _av()


def _upright(frame: Any) -> Image.Image:
    """As players show it: phones write how they were held beside the frame (degrees, counter-clockwise)."""
    picture: Image.Image = frame.to_image()
    quarters = round(getattr(frame, "rotation", 0) / 90) % 4
    return picture.transpose(_QUARTERS[quarters]) if quarters else picture


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise MissingExtraError("av (PyAV), which reads and writes videos,", EXTRA) from error
    return av


def _unreadable(path: Path, fault: Exception) -> DataError:
    return DataError(f"{path}: not a video that can be read, or a damaged one ({fault})")
