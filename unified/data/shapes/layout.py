"""Placing objects so that some hide others, and none too much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from unified.data.shapes.arrays import Mask
from unified.data.shapes.identity import Identity
from unified.data.shapes.outlines import inside
from unified.data.shapes.pose import Pose, per_pixel
from unified.data.shapes.scene import Placed, Scene
from unified.data.shapes.vocabulary import CLUTTER, GROUNDS, TONES

_Pixel = TypeVar("_Pixel", bound=np.generic)

MIN_VISIBLE = 0.6
"""Least share of an object that is seen; the rest may lie behind others or outside of the image."""

_SMALLEST = 0.26
"""Diameter of the smallest object, as a share of the side."""
_LARGEST = (0.62, 0.6, 0.56, 0.52, 0.48, 0.44, 0.4, 0.37)
"""Diameter of the largest in a scene of 1, 2, … MAX_OBJECTS."""
_SKEW = 0.6
"""Exponent on a uniform number in 0..1 for the place between the two; below 1 makes large ones more frequent."""
_TILT = 0.35
"""Largest turn to either side, radians: shapes lie about as people draw them, so that few pictures teach them."""
_MIN_PIXELS = 6
"""Least visible area, for pictures so small that a share of it means little."""
_ATTEMPTS = 60
_SHRINK = 0.97
"""Factor on the largest diameter after a failed attempt."""
_INSET = 0.6
"""Least distance of a centre from the border, in radii, but for those put beside another object."""
_BESIDE_SHARE = 0.2
"""Share of the objects that are put beside another one, to have some that hide each other."""
_CLEARLY_HIDDEN = 0.08
"""Share of an object that another must hide for a caption to speak of it."""


def compose(identities: Sequence[Identity], width: int, height: int, rng: np.random.Generator) -> Scene:
    """Place `identities`, the last in front. One for which there is no room after many attempts is left out."""
    layout = _Layout(width, height)
    largest = _LARGEST[max(len(identities), 1) - 1]
    for identity in identities:
        for attempt in range(_ATTEMPTS):
            if layout.accept(identity, layout.draw_pose(max(largest * _SHRINK**attempt, _SMALLEST), rng)):
                break
    return Scene(
        width=width,
        height=height,
        ground=str(rng.choice(GROUNDS)),
        tone=str(rng.choice(list(TONES))),
        clutter=str(rng.choice(CLUTTER, p=(0.3, 0.4, 0.3))),
        objects=layout.placed(),
    )


@dataclass(frozen=True)
class _Body:
    """An object with all its pixels, hidden or not."""

    identity: Identity
    pose: Pose
    mask: Mask
    """On the layout's canvas."""
    area: int
    """Pixels of the mask."""


class _Layout:
    """Objects accepted so far, on a canvas with a margin so that one across the border is still measured whole."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height, self.side = width, height, min(width, height)
        self.margin = math.ceil(max(_LARGEST) * self.side / 2) + 1
        self.bodies: list[_Body] = []
        self.owner = np.full((height + 2 * self.margin, width + 2 * self.margin), -1, np.int8)
        """Place in `bodies` of the frontmost object at each pixel; -1 where there is none."""

    def draw_pose(self, largest: float, rng: np.random.Generator) -> Pose:
        """Anywhere, or beside an object that is there; the diameter at most `largest` shares of the side."""
        radius = (_SMALLEST + rng.uniform() ** _SKEW * (largest - _SMALLEST)) * self.side / 2
        inset = _INSET * radius
        x, y = rng.uniform(inset, self.width - inset), rng.uniform(inset, self.height - inset)
        if self.bodies and rng.random() < _BESIDE_SHARE:
            other = self.bodies[int(rng.integers(len(self.bodies)))].pose
            direction, distance = rng.uniform(0, 2 * math.pi), rng.uniform(0.7, 1.1) * (radius + other.radius)
            x = min(max(other.x + distance * math.cos(direction), 0), self.width)
            y = min(max(other.y + distance * math.sin(direction), 0), self.height)
        return Pose(x=x, y=y, radius=radius, angle=rng.uniform(-_TILT, _TILT), aspect=rng.uniform(0.85, 1.0))

    def accept(self, identity: Identity, pose: Pose) -> bool:
        """Add the object in front, unless it or one behind it would be seen too little."""
        mask = self._mask(identity, pose)
        owner = np.where(mask, np.int8(len(self.bodies)), self.owner)
        bodies = [*self.bodies, _Body(identity, pose, mask, int(mask.sum()))]
        areas = self._areas(self._inner(owner), bodies)
        if any(area < max(MIN_VISIBLE * body.area, _MIN_PIXELS) for area, body in zip(areas, bodies, strict=True)):
            return False
        self.bodies, self.owner = bodies, owner
        return True

    def placed(self) -> tuple[Placed, ...]:
        """The objects as they are seen, back to front."""
        owner = self._inner(self.owner)
        areas = self._areas(owner, self.bodies)
        return tuple(
            Placed(
                identity=body.identity,
                pose=body.pose,
                box=_tight_box(owner == place),
                area=areas[place],
                visible=areas[place] / body.area,
                hidden_by=self._hidden_by(place),
            )
            for place, body in enumerate(self.bodies)
        )

    def _mask(self, identity: Identity, pose: Pose) -> Mask:
        coverage = per_pixel(inside(identity.category, *pose.local_grid(), identity.build))
        left, top, right, bottom = (edge + self.margin for edge in pose.window)
        mask = np.zeros(self.owner.shape, np.bool_)
        mask[top:bottom, left:right] = coverage >= 0.5
        return mask

    def _hidden_by(self, place: int) -> tuple[int, ...]:
        body = self.bodies[place]
        over = self._areas(self._inner(self.owner)[self._inner(body.mask)], self.bodies)
        return tuple(k for k, area in enumerate(over) if k != place and area >= _CLEARLY_HIDDEN * body.area)

    def _areas(self, owner: NDArray[np.int8], bodies: Sequence[_Body]) -> list[int]:
        """Pixels of each body among those of `owner`."""
        return [int(area) for area in np.bincount(owner.ravel() + 1, minlength=len(bodies) + 1)[1:]]

    def _inner(self, canvas: NDArray[_Pixel]) -> NDArray[_Pixel]:
        """The canvas without its margin: the image."""
        m = self.margin
        return canvas[m : m + self.height, m : m + self.width]


def _tight_box(mask: Mask) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
