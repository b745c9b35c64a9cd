"""Frames with what was followed: a colour for each object, and where it came from."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from PIL import Image

from unified.ops.canvas import Canvas
from unified.track.tracks import Sighting

TRAIL = 30  # frames that a trail reaches back: a second or so of video


class Artist:
    """Draws the frames of one sequence, in order; remembers the last `trail` places of each object."""

    def __init__(self, trail: int = TRAIL) -> None:
        self._trail = trail
        self._places: dict[int, deque[tuple[float, float]]] = {}

    def draw(self, picture: Image.Image, sightings: Sequence[Sighting]) -> Image.Image:
        """A copy of the frame with boxes, numbers and trails of the objects in it."""
        canvas = Canvas(picture)
        for seen in sightings:
            x1, _, x2, y2 = seen.box
            # The foot of the box is where an upright object stands, whatever its height.
            places = self._places.setdefault(seen.track, deque(maxlen=self._trail))
            places.append(((x1 + x2) / 2, y2))
            canvas.path(list(places), seen.track)
        for seen in sightings:
            canvas.box(*seen.box, f"{seen.name} {seen.track}".strip(), seen.track)
        return canvas.picture()
