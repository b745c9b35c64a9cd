"""Annotated tracks: of a COCO file whose pictures are frames, and truth beside the frames that were tracked.

A picture has a `video` and a `frame_id`; an annotation a `track_id`, or `identity`, that says which object it is.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from unified.data import fields
from unified.data.fields import Entry, Fault
from unified.errors import DataError, nearest
from unified.track.frames import Frames
from unified.track.mot import read_mot
from unified.track.tracks import Sighting, Tracks

SHOWN = 5  # frame numbers in one message

log = logging.getLogger(__name__)


def mot_truth(path: Path, frames: Frames, wanted: Sequence[int]) -> Tracks:
    """Truth of a MOTChallenge text for the frames `wanted`; a frame without lines has no objects.

    Raises:
        DataError: the file is wrong, or about frames that `frames` does not have.
    """
    truth = read_mot(path, name=frames.name, truth=True)
    _refuse_foreign(path, truth, frames)
    if not truth.frames:
        raise DataError(f"{path}: not one box to score against")
    first, last = min(truth.frames), max(truth.frames)
    beyond = [number for number in wanted if not first <= number <= last]
    if beyond:
        log.warning(
            "%s has lines for frames %d to %d; %d other frames of %s count as frames without objects. "
            "If they are not annotated, name those that are: --frames %d:%d",
            *(path, first, last, len(beyond), frames.name, first, last),
        )
    return replace(truth, frames={number: truth.frames.get(number, ()) for number in wanted})


def coco_truth(path: Path, videos: dict[str, Tracks], frames: Frames, wanted: Sequence[int]) -> Tracks:
    """The frames `wanted` that the COCO file lists; the others are not annotated, and so not scored.

    `videos` is what `read_coco_tracks(path)` gave.

    Raises:
        DataError: the file has no such video, or frames that `frames` does not have, or none of the wanted.
    """
    if frames.name not in videos:
        raise DataError(f"{path}: no picture has the video {frames.name!r}; {nearest(frames.name, videos)}")
    truth = videos[frames.name]
    _refuse_foreign(path, truth, frames)
    scored = {number: truth.frames[number] for number in wanted if number in truth.frames}
    if not scored:
        raise DataError(f"{path}: none of the tracked frames of {frames.name} is annotated; {_some(truth.frames)} are")
    return replace(truth, frames=scored)


def read_coco_tracks(path: Path) -> dict[str, Tracks]:
    """{video: its tracks}, in frames that the file lists. Boxes marked as crowd are left out.

    Raises:
        DataError: the first entry that is wrong, with its place.
    """
    data = fields.read_json(path)
    names: dict[int, str] = {}
    place: dict[int | str, tuple[str, int]] = {}
    found: dict[str, dict[int, dict[int, Sighting]]] = {}
    for entry in _entries(data, "categories", path):
        with_place = _Place(path, entry)
        names[with_place.ask(fields.whole, "id")] = with_place.ask(fields.text, "name")
    for entry in _entries(data, "images", path):
        with_place = _Place(path, entry)
        video, number = with_place.ask(fields.text, "video"), with_place.ask(fields.whole, "frame_id")
        place[with_place.ask(fields.identifier, "id")] = video, number
        if number in found.setdefault(video, {}):
            raise DataError(f"{path}: frame {number} of video {video!r} is listed twice")
        found[video][number] = {}
    for entry in _entries(data, "annotations", path):
        _add(_Place(path, entry), place, names, found)
    return {
        video: Tracks(video, {n: tuple(seen.values()) for n, seen in sorted(numbers.items())}, tuple(names.values()))
        for video, numbers in found.items()
    }


class _Place:
    """An entry that knows where it stands, for messages."""

    def __init__(self, path: Path, entry: tuple[str, Entry]) -> None:
        self.path = path
        self.where, self.entry = entry

    def ask(self, check: Any, *words: Any) -> Any:
        """What a check of unified.data.fields makes of the entry."""
        try:
            return check(self.entry, *words)
        except Fault as fault:
            raise self.error(fault.message) from fault

    def error(self, message: str) -> DataError:
        return DataError(f"{self.path}: {self.where}: {message}")


def _entries(data: Any, key: str, path: Path) -> list[tuple[str, Entry]]:
    listed = fields.entries(data, key, path)
    for i, entry in enumerate(listed):
        if not isinstance(entry, dict):
            raise DataError(f"{path}: {key}[{i}] is {fields.show(entry)}; allowed: an object")
    return [(f"{key}[{i}]", entry) for i, entry in enumerate(listed)]


def _add(
    entry: _Place,
    place: dict[int | str, tuple[str, int]],
    names: dict[int, str],
    found: dict[str, dict[int, dict[int, Sighting]]],
) -> None:
    if entry.entry.get("iscrowd"):
        return
    image, category = entry.ask(fields.identifier, "image_id"), entry.ask(fields.whole, "category_id")
    if image not in place or category not in names:
        what = f"image_id {image!r}" if image not in place else f"category_id {category}"
        raise entry.error(f"{what} is not in the file")
    key = fields.identity_key(entry.entry)
    track = entry.ask(fields.whole, key)
    if track < 0:
        raise entry.error(f"{key} is {track}: an unknown object cannot be scored; allowed: 0 or more")
    x, y, w, h = entry.ask(fields.box)
    video, number = place[image]
    if track in found[video][number]:
        raise entry.error(f"{key} {track} is in frame {number} of {video} twice; allowed: once a frame")
    found[video][number][track] = Sighting(track, (x, y, x + w, y + h), 1.0, names[category])


def _refuse_foreign(path: Path, truth: Tracks, frames: Frames) -> None:
    foreign = sorted(set(truth.frames) - set(frames.numbers))
    if foreign:
        raise DataError(
            f"{path} is about other frames: {frames.name} has {_some(frames.numbers)}, and not {_some(foreign)}"
        )


def _some(numbers: Any) -> str:
    """frames 1, 2, 3, … 54"""
    listed = sorted(numbers)
    shown = ", ".join(map(str, listed[:SHOWN])) + (f", … {listed[-1]}" if len(listed) > SHOWN else "")
    return f"frame{'s' * (len(listed) != 1)} {shown}"
