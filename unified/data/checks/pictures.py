"""What was seen of the pictures: files that cannot be used, and files that tools may read differently."""

from __future__ import annotations

from collections.abc import Iterator

from unified.data.checks import kinds
from unified.data.checks.kinds import Kind
from unified.data.checks.seen import Seen
from unified.data.checks.split import Problem, Split, Target

LEAST_SIDE = 4  # pixels; no real picture is smaller
_QUARTER_TURNS = (5, 6, 7, 8)  # EXIF orientations that swap width and height


def check_pictures(split: Split) -> Iterator[Problem]:
    """The pictures, one by one; messages name the file."""
    for i, seen in enumerate(split.seen):
        if seen.fault is not None:
            yield Problem(kinds.kind_of(seen.fault.kind), str(seen.fault), Target.PICTURE, i)
            continue
        for kind, text in _faults(seen, split.annotations.size(i)):
            yield Problem(kind, f"{seen.path}: {text}", Target.PICTURE, i)


def _faults(seen: Seen, annotated: tuple[int, int]) -> Iterator[tuple[Kind, str]]:
    header = seen.header
    if header is None:
        return
    (width, height), size = header.upright, header.size
    if min(size) < LEAST_SIDE:
        yield kinds.TINY_PICTURE, f"the picture is {width}x{height} pixels; allowed: {LEAST_SIDE} or more a side"
    if header.upright != annotated:
        said = f"its annotation says {annotated[0]}x{annotated[1]}"
        if size == annotated and header.orientation in _QUARTER_TURNS:
            turn = f"EXIF orientation {header.orientation} turns the picture to {width}x{height} pixels"
            yield kinds.UNTURNED, f"{turn}, but {said}, its size before that"
        else:
            yield kinds.SIZE_MISMATCH, f"the picture is {width}x{height} pixels (upright), {said}"
    elif header.orientation != 1:
        yield kinds.EXIF_TURN, f"EXIF orientation {header.orientation} turns the picture; it is read upright"
    if header.mode in ("CMYK", "YCCK") or "16" in header.mode:
        yield kinds.UNUSUAL_PIXELS, f"pixels are stored as {header.mode}; they are read as 8-bit RGB"
    if header.frames > 1:
        yield kinds.ANIMATION, f"the file has {header.frames} frames; the first is read"
    if seen.blank and min(size) >= LEAST_SIDE:
        yield kinds.BLANK_PICTURE, "all pixels have one colour"
