"""What tracking leaves behind: tracks.txt (MOTChallenge), tracks.jsonl, frames/*.jpg and, where asked for, a film."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from unified.errors import DataError
from unified.track.draw import Artist
from unified.track.follow import Moment
from unified.track.mot import to_mot
from unified.track.plan import Job
from unified.track.tracks import Tracks, frame_json
from unified.track.video import write_gif, write_mp4

Film = Literal["gif", "mp4"]

QUALITY = 92  # of the JPEGs, as of those of `unified predict`
RATE = 10.0  # frames a second of a film where the source has no rate of its own
LINES, TEXT, PICTURES = "tracks.jsonl", "tracks.txt", "frames"


def write_tracks(
    job: Job,
    moments: Iterable[Moment],
    categories: tuple[str, ...] = (),
    *,
    film: Film | None = None,
    rate: float | None = None,
) -> Tracks:
    """Writes moment by moment as they come, tracks.txt at the end; gives back what was said.

    `categories` are all that the detector knows; `rate` is that of the film, in frames a second. What an earlier
    tracking left in the folder is written over.

    Raises:
        DataError: the folder has frames that are not those of an earlier tracking.
    """
    pictures = job.out / PICTURES
    _clear(job.out)
    pictures.mkdir(parents=True, exist_ok=True)
    drawn: list[Path] = []
    frames = {}
    artist = Artist()
    with (job.out / LINES).open("w", encoding="utf-8") as lines:
        for moment in moments:
            # Before the picture: killed in between, the next tracking still knows by the lines which pictures are ours.
            lines.write(json.dumps(frame_json(moment.number, moment.sightings)) + "\n")
            lines.flush()
            path = _picture(pictures, moment.number)
            artist.draw(moment.picture, moment.sightings).save(path, quality=QUALITY)
            frames[moment.number] = moment.sightings
            drawn.append(path)
    tracks = Tracks(job.frames.name, frames, categories)
    (job.out / TEXT).write_text(to_mot(tracks), encoding="utf-8")
    if film is not None:
        write = write_gif if film == "gif" else write_mp4
        write(drawn, job.out / f"tracks.{film}", rate or job.rate or RATE)
    return tracks


def _picture(folder: Path, number: int) -> Path:
    return folder / f"{number:06d}.jpg"


def _clear(out: Path) -> None:
    """Removes the frames that the lines of an earlier tracking name; never anything else."""
    pictures, lines = out / PICTURES, out / LINES
    if lines.is_file():
        for number in _numbers(lines):
            _picture(pictures, number).unlink(missing_ok=True)
    if pictures.is_dir() and any(pictures.iterdir()):
        raise DataError(f"{pictures} holds files that no earlier tracking wrote there; name another folder for results")


def _numbers(lines: Path) -> Iterator[int]:
    """Of the frames that the lines name, up to one that is none: a kill or a full disk leaves half of the last."""
    for line in lines.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            yield int(json.loads(line)["frame"])
        except (ValueError, TypeError, KeyError):
            return
