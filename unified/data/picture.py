"""Picture files → RGB. Only formats whose decoders are worth trusting, and no decoding before the size is known.

A picture comes out as 8-bit RGB, upright (EXIF orientation applied), the first frame of an animation; grey of 16 bits
is scaled to 8, transparent parts are laid on the grey that also fills the network's input.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from unified.data.paths import missing
from unified.errors import DataError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
MAX_PIXELS = 178_956_970  # where Pillow itself refuses: twice its MAX_IMAGE_PIXELS
GREY = 114  # what the published YOLOR code puts where there is no picture
FILL = (GREY, GREY, GREY)

_ORIENTATION = 0x0112  # the EXIF tag
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow's decoders raise on damaged files; OSError is its own, the others leak through.
_DAMAGE = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, EOFError),
    *(RuntimeError, SystemError, MemoryError, struct.error, zlib.error),
)
_KNOWN_STARTS = {
    b"GIF8": "a GIF",
    b"%PDF": "a PDF",
    b"8BPS": "a Photoshop file",
    b"PK\x03\x04": "a zip archive",
    b"<svg": "an SVG drawing",
    b"<!DO": "a web page",
    b"<htm": "a web page",
    b"version https://git-lfs": "a Git LFS pointer; fetch the picture itself with 'git lfs pull'",
}


class PictureFault(DataError):
    """A picture that cannot be used; like faults are of one `kind`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind

    def __reduce__(self) -> tuple[type[PictureFault], tuple[str, str]]:
        return type(self), (self.kind, str(self))


@dataclass(frozen=True, slots=True)
class Header:
    """What a picture file says of itself before its pixels."""

    format: str  # one of FORMATS
    mode: str  # Pillow's name for the pixels, as they are stored: "RGB", "CMYK", "RGB;16B"
    size: tuple[int, int]  # (width, height) as stored
    upright: tuple[int, int]  # the same after EXIF rotation
    orientation: int  # EXIF; 1 = upright
    frames: int


def open_picture(
    source: Path | str | bytes,
    *,
    max_pixels: int = MAX_PIXELS,
    at_least: int | None = None,
    expected: tuple[int, int] | None = None,
) -> Image.Image:
    """Decode a file, or the bytes of one, to an upright RGB picture.

    `at_least` lets a large JPEG be decoded to a half, a quarter or an eighth, which is faster, as long as its longer
    side keeps that many pixels. `expected` is the (width, height) that an annotation gives for the whole picture.

    Raises DataError, naming the file: missing, empty, no picture, damaged, too large, or of another size than expected.
    """
    with _opened(source, max_pixels) as image:
        orientation = _orientation(image)
        size = _upright_size(image.size, orientation)
        if expected is not None and size != expected:
            raise PictureFault(
                "size mismatch",
                f"{_name(source)}: the picture is {size[0]}x{size[1]} pixels (upright), its annotation says "
                f"{expected[0]}x{expected[1]}. Correct the annotation, or put the original picture back.",
            )
        if at_least is not None and max(image.size) > at_least:
            share = at_least / max(image.size)
            image.draft(None, (max(int(image.width * share), 1), max(int(image.height * share), 1)))
        image.load()
        return upright_rgb(image, _name(source))


def upright_rgb(image: Image.Image, name: str = "the picture") -> Image.Image:
    """A Pillow picture as `open_picture` gives it: 8-bit RGB, upright. Raises DataError for pixels without a range."""
    orientation = _orientation(image)
    rgb = _to_rgb(image, name)
    if orientation not in _UPRIGHT:
        return rgb
    upright = rgb.transpose(_UPRIGHT[orientation])
    upright.info = {}  # Pillow hands on what the file says of itself, and somebody would turn the picture once more
    return upright


def pixels_of(picture: Image.Image) -> Tensor:
    """An RGB picture as a tensor (H, W, 3) uint8 of its own."""
    return torch.from_numpy(np.array(picture))


def picture_size(source: Path | str | bytes, *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """(width, height) of the upright picture, from its header; a PNG that says how it lies is decoded."""
    with _opened(source, max_pixels) as image:
        return _upright_size(image.size, _orientation(image))


def read_header(source: Path | str | bytes, *, max_pixels: int = MAX_PIXELS) -> Header:
    """What the file says of itself; errors as in `open_picture`, but damage among the pixels goes unseen."""
    with _opened(source, max_pixels) as image:
        orientation = _orientation(image)
        return Header(
            format=str(image.format),
            mode=_stored_mode(image),
            size=image.size,
            upright=_upright_size(image.size, orientation),
            orientation=orientation,
            frames=int(getattr(image, "n_frames", 1)),
        )


@contextmanager
def _opened(source: Path | str | bytes, max_pixels: int) -> Iterator[Image.Image]:
    """The file as a lazy picture of allowed size; whatever goes wrong inside the block becomes a DataError."""
    name = _name(source)
    stream: Path | io.BytesIO = io.BytesIO(source) if isinstance(source, bytes) else Path(source)
    if isinstance(stream, Path) and stream.exists() and not (stream.is_file() or stream.is_dir()):
        raise PictureFault("not a picture", f"{name}: it is a pipe or a device, and no file. Take it out.")
    try:
        with Image.open(stream, formats=FORMATS) as image:
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError(f"{image.width}x{image.height} pixels")
            yield image
    except Image.DecompressionBombError as fault:
        raise PictureFault(
            "picture too large",
            f"{name}: the picture is too large ({fault}); at most {max_pixels} pixels are decoded, since a small file "
            "can fill the memory. Shrink the picture, or take it out.",
        ) from fault
    except FileNotFoundError as fault:
        raise PictureFault("missing picture", str(missing(Path(name), "picture"))) from fault
    except UnidentifiedImageError as fault:
        start = _start(source)
        raise PictureFault(
            "not a picture" if start else "empty picture",
            f"{name}: {_what_it_is(start)}. Readable: {', '.join(FORMATS)}; convert the file or take it out.",
        ) from fault
    except _DAMAGE as fault:
        if isinstance(fault, OSError) and fault.errno is not None:
            raise PictureFault("closed picture", f"{name}: the file cannot be read: {fault.strerror}.") from fault
        raise PictureFault(
            "damaged picture",
            f"{name}: the picture is damaged or cut short ({fault}). Copy or download it again, or take it out.",
        ) from fault


def _name(source: Path | str | bytes) -> str:
    return f"<{len(source)} bytes>" if isinstance(source, bytes) else str(source)


def _start(source: Path | str | bytes) -> bytes:
    if isinstance(source, bytes):
        return source[:32]
    with Path(source).open("rb") as file:
        return file.read(32)


def _what_it_is(start: bytes) -> str:
    if not start:
        return "the file is empty (0 bytes)"
    if start[4:12] in (b"ftypheic", b"ftypmif1", b"ftypavif"):
        return "not a readable picture: it looks like a HEIC or AVIF"
    known = next((what for known_start, what in _KNOWN_STARTS.items() if start.startswith(known_start)), None)
    return (
        f"not a readable picture: it looks like {known}"
        if known
        else f"not a readable picture: it starts with {start[:8]!r}"
    )


def _orientation(image: Image.Image) -> int:
    if image.format == "TIFF":
        return 1  # Pillow turns these itself
    file = getattr(image, "fp", None)
    if image.format == "PNG" and file is not None and not _may_lie_otherwise(file):
        return 1
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except (SyntaxError, ValueError, TypeError, KeyError, struct.error):
        return 1  # unreadable EXIF is common and harmless: viewers show such pictures unturned


def _may_lie_otherwise(png: IO[bytes]) -> bool:
    """Whether a PNG has a chunk that could hold EXIF, which may come last: Pillow decodes all pixels to look for it."""
    at = png.tell()
    try:
        png.seek(8)
        while len(head := png.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            start = png.read(min(length, 20))
            if kind == b"eXIf" or start.startswith((b"Raw profile type", b"XML:com.adobe.xmp")):
                return True
            png.seek(length - len(start) + 4, 1)
        return False
    finally:
        png.seek(at)


def _stored_mode(image: Image.Image) -> str:
    """Pillow opens colour of 16 bits as "RGB": how it is stored is in the decoder's arguments."""
    tiles = getattr(image, "tile", None)
    decoder = tiles[0].args if tiles else None
    raw = decoder[0] if isinstance(decoder, tuple) and decoder else decoder
    return raw if isinstance(raw, str) and ";16" in raw else image.mode


def _upright_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    return (size[1], size[0]) if orientation in (5, 6, 7, 8) else size


def _to_rgb(image: Image.Image, name: str) -> Image.Image:
    if image.mode.startswith("I;16"):
        grey = np.asarray(image).astype(np.uint32)
        return Image.fromarray(((grey * 255 + 32767) // 65535).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F", "LAB"):
        raise PictureFault(
            "unreadable pixels",
            f"{name}: pixels of type {image.mode} have no range to scale from. Save it as grey or RGB of 8 or 16 bits.",
        )
    if image.has_transparency_data:
        ground = Image.new("RGBA", image.size, (*FILL, 255))
        return Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")
