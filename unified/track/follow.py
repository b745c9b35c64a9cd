"""From pictures to tracks: the model finds boxes frame by frame, the tracker says which are the same object."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from unified.errors import DataError
from unified.predict import Picture
from unified.task import Prediction
from unified.track.detections import Detections
from unified.track.frames import Frames, Stills, open_frames
from unified.track.options import TrackerOptions
from unified.track.tracker import Tracker
from unified.track.tracks import Sighting, Tracks

BATCH = 8  # frames that the network sees at once


class Detector(Protocol):
    """What finds the boxes, and vectors where it can: unified.predict.Predictor is one."""

    def predict_many(self, pictures: Sequence[Picture], *, score: float) -> list[Prediction]: ...


@dataclass(frozen=True, slots=True)
class Moment:
    """One tracked frame."""

    number: int
    picture: Image.Image
    sightings: tuple[Sighting, ...]


def track(
    frames: str | Path | Iterable[Picture],
    predictor: Detector,
    *,
    options: TrackerOptions | None = None,
    embedding: bool = True,
    categories: Sequence[str] | None = None,
) -> Tracks:
    """The objects of one sequence: a folder, glob or video, or pictures in order.

    With `embedding` the model's vectors are used, where it gives any. Only `categories` are followed, where given.

    Raises:
        DataError: no frames, one that cannot be read or is of another size, or boxes that cannot be used.
    """
    opened = open_frames(frames) if isinstance(frames, str | Path) else Stills("frames", dict(enumerate(frames, 1)))
    moments = follow(opened, opened.numbers, predictor, options=options, embedding=embedding, categories=categories)
    return Tracks(opened.name, {moment.number: moment.sightings for moment in moments})


def follow(
    frames: Frames,
    wanted: Sequence[int],
    predictor: Detector,
    *,
    options: TrackerOptions | None = None,
    embedding: bool = True,
    categories: Sequence[str] | None = None,
    batch: int = BATCH,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Moment]:
    """Like `track`, for the frames `wanted`, moment by moment: memory stays flat, and nothing said is taken back."""
    tracker = Tracker(options)
    pictures = frames.pictures(wanted)
    done = 0
    while some := list(islice(pictures, batch)):
        found = predictor.predict_many([picture for _, picture in some], score=tracker.options.low_score)
        for (number, picture), prediction in zip(some, found, strict=True):
            try:
                detections = Detections.of(prediction, embedding=embedding)
                if categories is not None:
                    detections = detections.select(np.isin(detections.names, categories))
                sightings = tracker.update(detections)
            except DataError as error:
                raise DataError(f"{frames.name}, frame {number}: {error}") from error
            yield Moment(number, picture, sightings)
        done += len(some)
        if progress is not None:
            progress(done, len(wanted))
