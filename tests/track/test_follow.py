from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.track.toys import Found, Toy, box_at, look, prediction, write_frames
from unified.errors import DataError
from unified.task import Prediction
from unified.track import (
    Detections,
    Stills,
    Tracker,
    TrackerOptions,
    Tracks,
    choose,
    follow,
    mot_truth,
    open_frames,
    score_tracks,
    track,
)

WALK = [prediction([box_at((20 + 2 * t, 24))], vectors=[look(0)]) for t in range(10)]


def test_a_folder_becomes_tracks(tmp_path: Path) -> None:
    toy = Toy(WALK)
    tracks = track(write_frames(tmp_path / "walk", 10, first=5), toy)
    assert tracks.name == "walk" and list(tracks.frames) == list(range(5, 15))
    (walker,) = tracks.tracks()
    assert walker.name == "person" and walker.boxes[3] == (16.0, 4.0, 36.0, 44.0)
    assert set(toy.asked) == {TrackerOptions().low_score}


def test_pictures_at_hand_become_tracks_whatever_the_batch() -> None:
    pictures = [Image.new("RGB", (64, 48))] * 10
    whole = track(pictures, Toy(WALK))
    frames = Stills("frames", dict(enumerate(pictures, 1)))
    single = {m.number: m.sightings for m in follow(frames, frames.numbers, Toy(WALK), batch=1)}
    assert whole.frames == single and len(whole) == 1


def test_only_wanted_frames_are_looked_at_and_progress_is_told(tmp_path: Path) -> None:
    frames = open_frames(write_frames(tmp_path / "walk", 10))
    told: list[tuple[int, int]] = []
    toy = Toy(WALK)
    moments = follow(frames, choose(frames, stride=3), toy, batch=3, progress=lambda *at: told.append(at))
    assert [moment.number for moment in moments] == [1, 4, 7, 10]
    assert toy.shown == 4 and told == [(3, 4), (4, 4)]


def test_only_the_wanted_categories_are_followed() -> None:
    both = Prediction({"toy": Found(*(getattr(WALK[0], name) for name in ("boxes", "scores", "labels", "names")))})
    pictures = [Image.new("RGB", (64, 48))] * 2
    assert len(track(pictures, Toy([both] * 2), categories=["dog"])) == 0
    assert len(track(pictures, Toy([prediction([])] * 2), categories=["dog"])) == 0
    assert len(track(pictures, Toy([both] * 2), categories=["dog", "person"])) == 1


def test_boxes_that_cannot_be_used_are_told_with_their_frame() -> None:
    pictures = [Image.new("RGB", (64, 48))] * 2
    with pytest.raises(DataError, match=r"frames, frame 2: box 1 of 1 is .*nan"):
        track(pictures, Toy([WALK[0], prediction([[0, 0, float("nan"), 1]])]))


def test_a_model_that_finds_nothing_gives_frames_without_tracks() -> None:
    tracks = track([Image.new("RGB", (64, 48))] * 3, Toy([prediction([])] * 3))
    assert len(tracks) == 0 and list(tracks.frames) == [1, 2, 3]


def truth_of(data: Path, split: str) -> Iterator[Tracks]:
    for name, first, last in {
        "train": [("TUD-Campus", 1, 46), ("PETS-S3-MF1", 1, 68)],
        "val": [("TUD-Campus", 47, 54), ("PETS-S3-MF1", 69, 80)],
    }[split]:
        frames = open_frames(data / "mot-mini" / "images" / name)
        wanted = choose(frames, (first, last))
        yield mot_truth(data / "mot-mini" / "gt" / f"{name}_{split}.txt", frames, wanted)


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("embedding", [False, True])
def test_true_boxes_of_real_walkers_keep_their_identities(real_data: Path, split: str, embedding: bool) -> None:
    pairs = []
    for truth in truth_of(real_data, split):
        tracker = Tracker()
        found = {}
        for number, seen in truth.frames.items():
            boxes = np.array([one.box for one in seen]).reshape(-1, 4)
            vectors = np.array([look(one.track, 16) for one in seen]).reshape(-1, 16) if embedding else None
            n = len(seen)
            found[number] = tracker.update(
                Detections(boxes, np.ones(n), np.zeros(n, dtype=np.int64), ("person",) * n, vectors)
            )
        pairs.append((Tracks(truth.name, found), truth))
    numbers = score_tracks(pairs).numbers
    assert numbers["IDSW"] == 0
    for name in ("MOTA", "IDF1", "HOTA"):  # what lacks to 1: newcomers count from their second frame on
        assert (numbers[name] or 0) > 0.98
