"""What tracking says: which object was seen where, frame by frame. Boxes are xyxy in pixels of the frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Sighting:
    """One object in one frame."""

    track: int  # the object's number, from 1
    box: Box
    score: float = 1.0
    name: str = ""  # its category; empty where the file does not say

    def to_json(self) -> dict[str, Any]:
        return {"track": self.track, "name": self.name, "score": self.score, "box": list(self.box)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Sighting:
        x1, y1, x2, y2 = data["box"]
        return cls(data["track"], (x1, y1, x2, y2), data["score"], data["name"])


@dataclass(frozen=True, slots=True)
class Track:
    """One object through a sequence: where it was in each of its frames, in order."""

    id: int
    name: str
    frames: tuple[int, ...]
    boxes: tuple[Box, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Tracks:
    """One sequence: every frame that was looked at, by number, in order; empty where nothing was seen."""

    name: str
    frames: Mapping[int, tuple[Sighting, ...]]
    categories: tuple[str, ...] = ()  # what could have been seen; empty where the file does not say

    def __len__(self) -> int:
        """Objects, not boxes."""
        return len({sighting.track for sightings in self.frames.values() for sighting in sightings})

    @property
    def boxes(self) -> int:
        """Boxes in all frames together."""
        return sum(map(len, self.frames.values()))

    def tracks(self) -> list[Track]:
        """The objects by number."""
        seen: dict[int, list[tuple[int, Sighting]]] = {}
        for frame, sightings in self.frames.items():
            for sighting in sightings:
                seen.setdefault(sighting.track, []).append((frame, sighting))
        return [
            Track(
                track,
                where[0][1].name,
                tuple(frame for frame, _ in where),
                tuple(sighting.box for _, sighting in where),
                tuple(sighting.score for _, sighting in where),
            )
            for track, where in sorted(seen.items())
        ]

    def to_json(self) -> dict[str, Any]:
        """{"name", "categories", "frames": [{"frame", "objects": [{"track", "name", "score", "box"}, …]}, …]}"""
        frames = [frame_json(*frame) for frame in self.frames.items()]
        return {"name": self.name, "categories": list(self.categories), "frames": frames}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Tracks:
        frames = {row["frame"]: tuple(map(Sighting.from_json, row["objects"])) for row in data["frames"]}
        return cls(data["name"], frames, tuple(data["categories"]))


def frame_json(frame: int, sightings: tuple[Sighting, ...]) -> dict[str, Any]:
    """A line of `tracks.jsonl`."""
    return {"frame": frame, "objects": [sighting.to_json() for sighting in sightings]}
