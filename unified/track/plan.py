"""Which sequences to track, which of their frames, where the results go and what they are scored against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unified.errors import ConfigError, DataError
from unified.track.frames import Frames, choose, open_frames
from unified.track.score import check_installed
from unified.track.tracks import Tracks
from unified.track.truth import coco_truth, mot_truth, read_coco_tracks

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Job:
    """One sequence."""

    frames: Frames
    wanted: tuple[int, ...]  # numbers of the frames to track
    out: Path
    rate: float | None = None  # frames a second of what is tracked, where it is known
    truth: Tracks | None = None


def plan(
    sources: Sequence[str | Path],
    out: Path,
    *,
    spans: Sequence[Span] = (),
    stride: int = 1,
    truths: Sequence[Path] = (),
    annotations: Path | None = None,
) -> list[Job]:
    """A job a source; with several, each has the folder `out/<its name>`.

    `spans` are (first, last) frame numbers: none, one for all sources, or one each. Truth is a MOTChallenge text each,
    or one COCO file for all. Everything is looked at before anything is computed.

    Raises:
        MissingExtraError: there is truth, but TrackEval is not installed.
        ConfigError: numbers of sources, spans and truths that do not go together.
        DataError: a source or a truth that cannot be used, or two sources of one name.
    """
    if len(spans) not in (0, 1, len(sources)):
        raise ConfigError(f"{len(spans)} ranges of frames for {len(sources)} sources; allowed: none, one, or one each")
    if truths and (annotations is not None or len(truths) != len(sources)):
        raise ConfigError(
            f"{len(truths)} truth files for {len(sources)} sources; allowed: one each in their order, or one COCO file"
        )
    if truths or annotations is not None:
        check_installed()
    opened = [open_frames(source) for source in sources]
    names = [frames.name for frames in opened]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"two sources are called {twice!r}, and results are named after them: track them one by one")
    videos = {} if annotations is None else read_coco_tracks(annotations)
    jobs = []
    for i, frames in enumerate(opened):
        span = None if not spans else spans[i % len(spans)]
        wanted = choose(frames, span, stride)
        truth = None
        if annotations is not None:
            truth = coco_truth(annotations, videos, frames, wanted)
        elif truths:
            truth = mot_truth(truths[i], frames, wanted)
        rate = frames.rate / stride if frames.rate else None
        jobs.append(Job(frames, wanted, out if len(opened) == 1 else out / frames.name, rate, truth))
    return jobs


def parse_span(text: str) -> Span:
    """ "47:54" → (47, 54). Raises ConfigError."""
    first, colon, last = text.partition(":")
    if not (colon and first.isdecimal() and last.isdecimal() and int(first) <= int(last)):
        raise ConfigError(f"{text!r} is no range of frames; allowed: FIRST:LAST, as in 47:54, both included")
    return int(first), int(last)
