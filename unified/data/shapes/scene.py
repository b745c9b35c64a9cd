"""What an image shows: the objects, where they lie and how much of each is seen."""

from __future__ import annotations

from dataclasses import dataclass

from unified.data.shapes.identity import Identity
from unified.data.shapes.pose import Pose


@dataclass(frozen=True, kw_only=True)
class Placed:
    """An object in its place."""

    identity: Identity
    pose: Pose
    box: tuple[int, int, int, int]
    """Tight box of the visible pixels: left, top, right, bottom (right and bottom exclusive)."""
    area: int
    """Number of visible pixels. A pixel belongs to the frontmost object that covers at least half of it."""
    visible: float
    """Visible share of the whole object, 0..1."""
    hidden_by: tuple[int, ...]
    """Places, in `Scene.objects`, of the objects that clearly hide a part of it."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """An image before it is drawn."""

    width: int
    height: int
    ground: str
    tone: str
    clutter: str
    objects: tuple[Placed, ...]
    """Back to front."""

    @property
    def side(self) -> int:
        """Sizes in a scene are shares of this: the shorter side, pixels."""
        return min(self.width, self.height)
