from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.track.toys import write_frames
from unified.errors import DataError
from unified.track import Moment, Sighting, read_mot
from unified.track.draw import Artist
from unified.track.plan import Job, plan
from unified.track.write import write_tracks

GREY = Image.new("RGB", (640, 480), (90, 90, 90))


def moments(numbers: range) -> list[Moment]:
    return [
        Moment(n, GREY, (Sighting(1, (10.0 * n, 100, 10.0 * n + 50, 200), 0.9, "person"),) if n % 2 else ())
        for n in numbers
    ]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return plan([write_frames(tmp_path / "walk", 4)], tmp_path / "out")[0]


def test_text_lines_and_frames_say_the_same(job: Job) -> None:
    tracks = write_tracks(job, moments(range(1, 5)), ("person",))
    assert tracks.categories == ("person",) and tracks.boxes == 2
    lines = [json.loads(line) for line in (job.out / "tracks.jsonl").read_text().splitlines()]
    assert lines == tracks.to_json()["frames"]
    text = read_mot(job.out / "tracks.txt")
    assert {n: [(s.track, s.box, s.score) for s in seen] for n, seen in text.frames.items()} == {
        n: [(s.track, s.box, s.score) for s in seen] for n, seen in tracks.frames.items() if seen
    }
    assert sorted(path.name for path in (job.out / "frames").iterdir()) == [f"{n:06d}.jpg" for n in range(1, 5)]


def test_a_shorter_tracking_leaves_no_frames_of_a_longer_one(job: Job) -> None:
    write_tracks(job, moments(range(1, 5)))
    write_tracks(job, moments(range(1, 3)))
    assert len(list((job.out / "frames").iterdir())) == 2


def test_a_tracking_that_was_killed_or_found_the_disk_full_can_be_done_again(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Image.Image.save

    def full(picture: Image.Image, path: Path, **options: object) -> None:
        real(picture, path)
        if path.stem == "000003":
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(Image.Image, "save", full)
        with pytest.raises(OSError, match="No space"):
            write_tracks(job, moments(range(1, 5)))
    assert len(list((job.out / "frames").iterdir())) == 3
    write_tracks(job, moments(range(1, 3)))
    assert sorted(path.name for path in (job.out / "frames").iterdir()) == ["000001.jpg", "000002.jpg"]


@pytest.mark.parametrize("half", ['{"frame": 3, "obj', '{"frame"', "{}", "[", "3", "\0\0\0"])
def test_half_a_last_line_of_an_earlier_tracking_is_no_hindrance(job: Job, half: str) -> None:
    write_tracks(job, moments(range(1, 3)))
    with (job.out / "tracks.jsonl").open("a") as lines:
        lines.write(half)
    write_tracks(job, moments(range(2, 4)))
    assert sorted(path.name for path in (job.out / "frames").iterdir()) == ["000002.jpg", "000003.jpg"]
    assert len((job.out / "tracks.jsonl").read_text().splitlines()) == 2


def test_frames_of_somebody_else_are_never_touched(job: Job) -> None:
    write_frames(job.out / "frames", 2)
    with pytest.raises(DataError, match="no earlier tracking wrote"):
        write_tracks(job, moments(range(1, 3)))
    assert len(list((job.out / "frames").iterdir())) == 2


def test_a_film_shows_every_frame(job: Job) -> None:
    write_tracks(job, moments(range(1, 5)), film="gif", rate=5)
    with Image.open(job.out / "tracks.gif") as film:
        assert getattr(film, "n_frames", 1) == 4 and film.size == GREY.size


def test_an_object_keeps_its_colour_and_trails_where_it_stood() -> None:
    artist = Artist(trail=3)
    drawn = [np.asarray(artist.draw(GREY, moment.sightings)) for moment in moments(range(1, 12, 2))]
    colour = tuple(drawn[0][150, 10])
    assert tuple(drawn[-1][150, 110]) == colour != (90, 90, 90)  # the left side of its box
    foot = drawn[-1][200, :100]  # where it walked, left of the box: two steps of 20 pixels back, and no more
    assert {tuple(pixel) for pixel in foot[:90]} == {(90, 90, 90)}
    assert tuple(foot[98]) == colour
