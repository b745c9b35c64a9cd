from __future__ import annotations

import io
import os
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unified.data.picture import FILL, open_picture, picture_size, upright_rgb
from unified.errors import DataError

RED, GREEN = (255, 0, 0), (0, 255, 0)
LEFT_RED = np.zeros((20, 30, 3), dtype=np.uint8)
LEFT_RED[:, :15], LEFT_RED[:, 15:] = RED, GREEN


def encoded(picture: Image.Image, format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format, **options)
    return stream.getvalue()


def pixels(picture: Image.Image) -> np.ndarray:
    assert picture.mode == "RGB"
    return np.asarray(picture)


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "WEBP", "JPEG"])
def test_the_content_says_what_a_file_is_not_its_name(format: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.txt"
    path.write_bytes(encoded(Image.fromarray(LEFT_RED), format))

    assert pixels(open_picture(path)).shape == (20, 30, 3)
    assert picture_size(path) == (30, 20)


def test_bytes_open_like_the_file_they_came_from() -> None:
    assert np.array_equal(pixels(open_picture(encoded(Image.fromarray(LEFT_RED), "PNG"))), LEFT_RED)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_come_out_upright(format: str, orientation: int) -> None:
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that undoes the camera's turn
    upright = Image.fromarray(LEFT_RED).resize((64, 32), Image.Resampling.NEAREST)
    stored = upright.transpose(Image.Transpose(back[orientation])) if orientation in back else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, object] = {"quality": 95} if format in ("JPEG", "WEBP") else {}
    file = encoded(stored, format, exif=exif, **options)

    seen = pixels(open_picture(file)).astype(int)

    assert picture_size(file) == (64, 32) == (seen.shape[1], seen.shape[0])
    assert np.array_equal(pixels(upright_rgb(open_picture(file))), seen), "turned twice"
    assert np.abs(seen[:, :24] - RED).max() < 60
    assert np.abs(seen[:, 40:] - GREEN).max() < 60


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_unreadable_exif_leaves_a_picture_as_it_is() -> None:
    file = encoded(Image.fromarray(LEFT_RED), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12")

    assert picture_size(file) == (30, 20)
    assert open_picture(file).size == (30, 20)


def test_cmyk_becomes_rgb() -> None:
    file = encoded(Image.fromarray(LEFT_RED).convert("CMYK"), "JPEG", quality=95)

    assert np.abs(pixels(open_picture(file)).astype(int) - LEFT_RED).mean() < 12


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bits_of_grey_are_scaled_not_clipped(format: str) -> None:
    grey = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)

    assert pixels(open_picture(encoded(Image.fromarray(grey), format)))[0, :, 0].tolist() == [0, 1, 128, 255]


def test_sixteen_bits_of_colour_are_scaled_not_clipped() -> None:
    raw = b"\0" + struct.pack(">6H", 0, 32896, 65535, 65535, 0, 257)
    file = png(width=2, height=1, depth=16, colour=2, data=zlib.compress(raw))

    assert pixels(open_picture(file))[0].tolist() == [[0, 128, 255], [255, 0, 1]]


def test_transparent_parts_become_the_grey_of_the_border() -> None:
    picture = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
    picture.putpixel((1, 0), (0, 255, 0, 0))
    palette = Image.new("P", (2, 1), 0)
    palette.putpalette([255, 0, 0, 0, 255, 0])
    palette.putpixel((1, 0), 1)

    for file in (encoded(picture, "PNG"), encoded(palette, "PNG", transparency=1), encoded(picture, "TIFF")):
        assert pixels(open_picture(file))[0].tolist() == [list(RED), list(FILL)]


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA"])
def test_every_usual_kind_of_pixel_becomes_rgb(mode: str) -> None:
    assert open_picture(encoded(Image.fromarray(LEFT_RED).convert(mode), "PNG")).mode == "RGB"


@pytest.mark.parametrize("format", ["WEBP", "PNG", "TIFF"])
def test_an_animation_shows_its_first_frame(format: str) -> None:
    first, second = Image.new("RGB", (8, 8), RED), Image.new("RGB", (8, 8), GREEN)
    options = {"lossless": True} if format == "WEBP" else {}

    file = encoded(first, format, save_all=True, append_images=[second], **options)

    assert pixels(open_picture(file))[4, 4].tolist() == list(RED)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1)])
def test_extreme_shapes_open(size: tuple[int, int]) -> None:
    assert open_picture(encoded(Image.new("RGB", size), "PNG"), at_least=1).size == size


def test_a_large_jpeg_is_decoded_no_larger_than_needed() -> None:
    file = encoded(Image.new("RGB", (640, 427), RED), "JPEG")

    assert open_picture(file, at_least=320).size == (320, 214)
    assert open_picture(file, at_least=321).size == (640, 427)
    assert open_picture(file, at_least=320, expected=(640, 427)).size == (320, 214)


def test_a_picture_of_another_size_than_annotated_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (30, 20)).save(path)

    with pytest.raises(DataError, match=r"a\.png.*30x20.*20x30") as error:
        open_picture(path, expected=(20, 30))
    assert "\n" not in str(error.value)


def test_a_missing_picture_names_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "street_001.jpg").touch()

    with pytest.raises(DataError, match=r"street_002\.jpg: no such picture.*Did you mean .*street_001\.jpg"):
        open_picture(tmp_path / "street_002.jpg")
    with pytest.raises(DataError, match=r"exists and holds street_001\.jpg"):
        open_picture(tmp_path / "nowhere/deep/x.jpg")


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()

    with pytest.raises(DataError, match=r"a\.jpg: the file is empty \(0 bytes\)"):
        open_picture(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"GIF89a" + bytes(40), "a GIF"),
        (b"<!DOCTYPE html><html>404</html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        (b"\0\0\0\x18ftypheic" + bytes(20), "HEIC"),
        (b"just some text", "starts with b'just som'"),
    ],
)
def test_what_is_no_picture_is_said_to_be_none(content: bytes, says: str) -> None:
    with pytest.raises(DataError, match=rf"not a readable picture: .*{says}.*Readable: JPEG, PNG"):
        open_picture(content)


def test_a_gif_is_not_read_even_if_pillow_could() -> None:
    with pytest.raises(DataError, match="looks like a GIF"):
        open_picture(encoded(Image.new("P", (4, 4)), "GIF"))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_a_truncated_picture_is_said_to_be_damaged(format: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = tmp_path / "half.img"
    whole = encoded(Image.fromarray(noise), format)
    path.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(DataError, match=r"half\.img: .*(damaged or cut short|not a readable)"):
        open_picture(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_no_picture_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(DataError, match="it is a pipe or a device"):
        open_picture(tmp_path / "a.png")


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        open_picture(tmp_path)


@pytest.mark.parametrize("side", [20_000, 60_000])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(side: int) -> None:
    file = png(side, side, depth=1, colour=0, data=zlib.compress(bytes(1000)))

    for read in (open_picture, picture_size):
        with pytest.raises(DataError, match=r"too large .*at most 178956970 pixels"):
            read(file)


def test_the_limit_on_pixels_can_be_lowered() -> None:
    with pytest.raises(DataError, match=r"30x20 pixels.*at most 599 pixels"):
        open_picture(encoded(Image.fromarray(LEFT_RED), "PNG"), max_pixels=599)


def test_pixels_without_a_range_are_refused() -> None:
    with pytest.raises(DataError, match="type F have no range"):
        open_picture(encoded(Image.fromarray(np.ones((4, 4), dtype=np.float32)), "TIFF"))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL", "ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_a_mutilated_picture_opens_or_raises_a_data_error(format: str) -> None:
    dice = random.Random(format)
    whole = encoded(Image.fromarray(LEFT_RED), format)
    for _ in range(150):
        file = bytearray(whole)
        for _ in range(dice.randint(1, 8)):
            file[dice.randrange(len(file))] = dice.randrange(256)
        try:
            assert open_picture(bytes(file), max_pixels=10**6).mode == "RGB"
        except DataError:
            continue


def test_the_size_of_a_png_is_read_without_its_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object) -> None:
        raise AssertionError("its pixels were decoded")

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", refuse)
    assert picture_size(encoded(Image.new("RGB", (30, 20)), "PNG")) == (30, 20)


def png(width: int, height: int, depth: int, colour: int, data: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
