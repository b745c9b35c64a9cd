from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.track.toys import AWAY, Place, box_at, detections, ids_at, run
from unified.errors import ConfigError, DataError
from unified.track import Detections, Tracker, TrackerOptions

Scene = list[list[Place]]  # frames of objects


def follow(scene: Scene, embedding: bool, **options: Any) -> list[list[int]]:
    """The number that each object in sight has in each frame."""
    frames = [detections(places, embedding=embedding) for places in scene]
    found = run(frames, **options)
    return [ids_at(sightings, places) for sightings, places in zip(found, scene, strict=True)]


def turning_back() -> Scene:
    """Two walk towards each other, meet, and turn back: by their motion alone they would have crossed."""
    steps = [min(t, 34 - t) - 0.5 for t in range(35)]
    return [[(100.0 + 3 * s, 100), (200.0 - 3 * s, 102)] for s in steps]


def test_two_that_meet_and_turn_back_swap_by_boxes_alone_and_do_not_with_embeddings() -> None:
    by_boxes, by_looks = follow(turning_back(), False), follow(turning_back(), True)
    assert by_boxes[0] == [1, 2] and by_boxes[-1] == [2, 1]
    assert all(ids == [1, 2] for ids in by_looks)


def test_two_that_cross_at_constant_speed_are_kept_apart_by_their_motion() -> None:
    scene: Scene = [[(50.0 + 4 * t, 100), (250.0 - 4 * t, 104)] for t in range(50)]
    assert all(ids == [1, 2] for ids in follow(scene, False))


@pytest.mark.parametrize("embedding", [False, True])
def test_a_walker_behind_a_pillar_keeps_its_number(embedding: bool) -> None:
    scene: Scene = [[AWAY if 10 <= t < 20 else (50.0 + 3 * t, 100)] for t in range(30)]
    assert [ids for ids in follow(scene, embedding) if ids] == [[1]] * 20


def test_who_stops_behind_a_pillar_is_known_again_only_by_its_looks() -> None:
    def where(t: int) -> Place:
        return AWAY if 10 <= t < 22 else (50.0 + 1.5 * min(t, 10), 100)

    scene: Scene = [[where(t)] for t in range(28)]
    assert follow(scene, True)[-1] == [1]
    assert follow(scene, False)[-1] == [2]


def test_who_is_away_for_longer_than_remembered_comes_back_as_another() -> None:
    scene: Scene = [[(50.0, 100)] if t < 5 or t > 10 else [AWAY] for t in range(16)]
    assert follow(scene, True, max_lost=6)[-1] == [1]
    assert follow(scene, True, max_lost=5)[-1] == [2]


@pytest.mark.parametrize("embedding", [False, True])
def test_a_camera_that_pans_and_shakes_changes_nobodys_number(embedding: bool) -> None:
    shake = np.random.default_rng(0).normal(0, 1, (40, 2))
    places = [(60.0, 80), (120.0, 90), (180.0, 70)]
    scene: Scene = [[(x + 5 * t + dx, y + dy) for x, y in places] for t, (dx, dy) in enumerate(shake)]
    assert all(ids == [1, 2, 3] for ids in follow(scene, embedding))


def test_everything_in_the_first_frame_counts_at_once_and_later_ones_when_seen_again() -> None:
    scene: Scene = [[(50.0, 50), AWAY if t < 3 else (150.0, 50)] for t in range(6)]
    assert follow(scene, False) == [[1], [1], [1], [1, 0], [1, 2], [1, 2]]
    assert follow(scene, False, confirm=1)[3] == [1, 2]
    assert follow(scene, False, confirm=3)[4:] == [[1, 0], [1, 2]]


def test_what_is_seen_once_never_counts_and_takes_no_number() -> None:
    scene: Scene = [[(50.0, 50), (150.0, 50) if t == 2 else AWAY, AWAY if t < 4 else (250.0, 50)] for t in range(7)]
    assert follow(scene, False)[2] == [1, 0] and follow(scene, False)[-1] == [1, 2]


def test_unsure_boxes_carry_a_track_on_but_begin_none() -> None:
    where: list[Place] = [(50.0, 50), (150.0, 50)]
    frames = [detections(where, scores=[0.9 if t < 3 else 0.2, 0.3]) for t in range(8)]
    assert [ids_at(found, where) for found in run(frames)] == [[1, 0]] * 8
    blind = run(frames, low_score=0.25)
    assert ids_at(blind[-1], where) == [0, 0]


def test_an_unsure_box_does_not_change_what_an_object_looks_like() -> None:
    where: list[Place] = [(50.0, 50)]
    sure = detections(where, embedding=True)
    covered = Detections(sure.boxes, np.array([0.2]), sure.labels, sure.names, np.eye(8)[[5]])
    tracker = Tracker(TrackerOptions(embedding_momentum=0.0))
    for found in (sure, covered, covered):
        tracker.update(found)
    away = Detections(np.array([box_at((62.0, 50))]), sure.scores, sure.labels, sure.names, sure.vectors)
    for _ in range(8):
        tracker.update(detections([AWAY], embedding=True))
    # Beside where it was, and so not by IoU; at this place an object of other looks would be a new one.
    assert [sighting.track for sighting in tracker.update(away)] == [1]


def test_objects_of_other_classes_are_other_objects_even_at_one_place() -> None:
    where: list[Place] = [(50.0, 50)]
    frames = [detections(where, labels=[0 if t < 4 else 1], embedding=True) for t in range(8)]
    found = run(frames)
    assert [[(s.track, s.name) for s in one] for one in (found[3], found[4], found[5])] == [
        [(1, "kind0")],
        [],
        [(2, "kind1")],
    ]


def test_boxes_come_out_as_they_were_found() -> None:
    (seen,) = Tracker().update(detections([(50.1234, 50)]))
    assert seen.box == (40.123, 30.0, 60.123, 70.0) and seen.score == 0.9


def test_no_detections_at_all_are_no_tracks() -> None:
    assert run([detections([])] * 5) == [()] * 5


@pytest.mark.parametrize("embedding", [False, True])
def test_the_order_of_the_boxes_does_not_matter(embedding: bool) -> None:
    rng = np.random.default_rng(3)
    walks = np.cumsum(rng.normal(0, 3, (20, 5, 2)), 0) + rng.uniform(50, 250, (5, 2))
    frames = [detections([(x, y) for x, y in places], embedding=embedding) for places in walks]
    shuffled = []
    for found in frames:
        order = rng.permutation(len(found))
        vectors = None if found.vectors is None else found.vectors[order]
        names = tuple(found.names[i] for i in order)
        shuffled.append(Detections(found.boxes[order], found.scores, found.labels[order], names, vectors))
    pairs = [
        ({s.box: s.track for s in one}, {s.box: s.track for s in other})
        for one, other in zip(run(frames), run(shuffled), strict=True)
    ]
    renamed = {(one[box], other[box]) for one, other in pairs for box in one}
    assert all(one.keys() == other.keys() for one, other in pairs)
    assert len(renamed) == len({a for a, _ in renamed}) == len({b for _, b in renamed})


def test_embeddings_that_come_or_go_are_refused() -> None:
    where: list[Place] = [(50.0, 50)]
    tracker = Tracker()
    tracker.update(detections(where, embedding=True))
    tracker.update(detections([AWAY]))  # an empty frame may lack them
    with pytest.raises(DataError, match="embeddings have 0 numbers here and had 8"):
        tracker.update(detections(where))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"score": 1.5}, "score is 1.5; allowed: 0 to 1"),
        ({"score": 0.05}, "low_score is 0.1; allowed: at most score, 0.05"),
        ({"max_lost": -1}, "max_lost is -1; allowed: 0 or more"),
        ({"confirm": 0}, "confirm is 0; allowed: 1 or more"),
        ({"gate": 0.0}, "gate is 0.0; allowed: above 0"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TrackerOptions(**options)
