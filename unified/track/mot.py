"""MOTChallenge text, one line a box (arXiv 1603.00831, section 4):

    frame,id,x,y,w,h,confidence,class,visibility      truth
    frame,id,x,y,w,h,score,-1,-1,-1                   results

Pixels count from 1: the top-left one is (1, 1). So do frames and ids, but a count from 0 is read, too.
"""

from __future__ import annotations

import math
from pathlib import Path

from unified.data.paths import missing
from unified.errors import DataError
from unified.track.tracks import Sighting, Tracks

ORIGIN = 1.0  # of x and y in the files
THINNEST = 0.001  # pixels: what three decimals tell of a side, and a box without area is none
LEAST_COLUMNS, MOST_COLUMNS = 6, 10
_FORM = "a line is frame,id,x,y,width,height,confidence,…"


def to_mot(tracks: Tracks) -> str:
    """The text of a results file. It has no place for categories: `tracks.jsonl` has."""
    return "".join(
        f"{frame},{seen.track},{_box(seen)},{seen.score:.5g},-1,-1,-1\n"
        for frame, sightings in tracks.frames.items()
        for seen in sightings
    )


def read_mot(path: Path, *, name: str = "", truth: bool = False) -> Tracks:
    """Tracks of a results file or, with `truth`, of a truth file; their frames are those that have lines.

    The confidence of a truth line is a flag: 0 marks what is not to be scored, and is left out.

    Raises:
        DataError: with file and line, for whatever is not as the format has it, and an id twice in a frame.
    """
    frames: dict[int, dict[int, Sighting]] = {}
    for number, line in enumerate(_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            frame, seen = _parse(line, truth)
            if frame is None:
                continue
            if seen.track in frames.setdefault(frame, {}):
                raise ValueError(f"id {seen.track} is in frame {frame} twice; allowed: once a frame")
        except ValueError as fault:
            raise DataError(f"{path}:{number}: {fault}") from fault
        frames[frame][seen.track] = seen
    return Tracks(name, {frame: tuple(seen.values()) for frame, seen in sorted(frames.items())})


def _parse(line: str, truth: bool) -> tuple[int | None, Sighting]:
    """A frame and what was seen there; frame None for a line that is not to be scored. Raises ValueError."""
    words = [word.strip() for word in line.split(",")]
    if words[-1] == "":
        words.pop()  # some tools end lines with a comma
    if not LEAST_COLUMNS <= len(words) <= MOST_COLUMNS:
        raise ValueError(f"{len(words)} values; {_FORM}, with {LEAST_COLUMNS} to {MOST_COLUMNS} of them")
    values = [_number(word) for word in words]
    frame, track = (_whole(value, what) for value, what in zip(values, ("frame", "id"), strict=False))
    x, y, w, h = values[2:6]
    if w <= 0 or h <= 0:
        raise ValueError(f"width and height are {w:g} and {h:g}; allowed: above 0")
    score = values[6] if len(values) > LEAST_COLUMNS else 1.0
    x1, y1 = x - ORIGIN, y - ORIGIN
    seen = Sighting(track, (x1, y1, x1 + w, y1 + h), 1.0 if truth else score)
    return (None if truth and not score else frame), seen


def _number(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        raise ValueError(f"{word!r} is no number; {_FORM}") from None
    if not math.isfinite(value):
        raise ValueError(f"{word} is not finite; {_FORM}")
    return value


def _whole(value: float, what: str) -> int:
    if value != int(value) or value < 0:
        hint = " (a file of detections has id -1: it holds no tracks)" if what == "id" and value == -1 else ""
        raise ValueError(f"{what} is {value:g}; allowed: whole numbers, 0 or more{hint}")
    return int(value)


def _box(seen: Sighting) -> str:
    x1, y1, x2, y2 = seen.box
    sides = (max(side, THINNEST) for side in (x2 - x1, y2 - y1))
    return ",".join(f"{value:.3f}" for value in (x1 + ORIGIN, y1 + ORIGIN, *sides))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as fault:
        raise missing(path, "file of tracks") from fault
    except OSError as fault:
        raise DataError(f"{path}: the file of tracks cannot be read: {fault.strerror}") from fault
    except UnicodeDecodeError as fault:
        raise DataError(f"{path}: not text (byte {fault.start}); {_FORM}") from fault
