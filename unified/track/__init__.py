"""Follow objects through frames, with boxes and, where the model has them, embeddings.

    import unified.track
    tracks = unified.track.track("frames", unified.load("runs/jde-mot/1"))
    tracks.tracks()[0].boxes

In reading order: detections, kalman, associate, tracker · tracks, mot, truth, score · frames, video · follow,
draw, plan, write.
"""

from __future__ import annotations

from unified.track.detections import Detections
from unified.track.follow import Detector, Moment, follow, track
from unified.track.frames import Frames, Stills, choose, open_frames
from unified.track.mot import read_mot, to_mot
from unified.track.options import TrackerOptions
from unified.track.score import score_tracks
from unified.track.tracker import Tracker
from unified.track.tracks import Sighting, Track, Tracks
from unified.track.truth import coco_truth, mot_truth, read_coco_tracks

__all__ = [
    "Detections",
    "Detector",
    "Frames",
    "Moment",
    "Sighting",
    "Stills",
    "Track",
    "Tracker",
    "TrackerOptions",
    "Tracks",
    "choose",
    "coco_truth",
    "follow",
    "mot_truth",
    "open_frames",
    "read_coco_tracks",
    "read_mot",
    "score_tracks",
    "to_mot",
    "track",
]
