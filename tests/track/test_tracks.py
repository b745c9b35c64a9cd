from __future__ import annotations

import json

from unified.track import Sighting, Track, Tracks

TRACKS = Tracks(
    "street",
    {
        3: (Sighting(1, (0, 0, 10, 20), 0.9, "person"), Sighting(2, (5, 5, 9, 9), 0.5, "dog")),
        4: (),
        6: (Sighting(1, (2, 0, 12, 20), 0.8, "person"),),
    },
    ("person", "dog"),
)


def test_objects_boxes_and_frames_are_counted() -> None:
    assert (len(TRACKS), TRACKS.boxes, len(TRACKS.frames)) == (2, 3, 3)


def test_a_track_is_an_object_through_its_frames() -> None:
    person, dog = TRACKS.tracks()
    assert person == Track(1, "person", (3, 6), ((0, 0, 10, 20), (2, 0, 12, 20)), (0.9, 0.8))
    assert dog.frames == (3,)


def test_json_gives_the_same_tracks_back() -> None:
    assert Tracks.from_json(json.loads(json.dumps(TRACKS.to_json()))) == TRACKS
