"""Backgrounds: dull, varied, and cluttered with things that are no object."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from unified.data.shapes.arrays import Grid, Picture
from unified.data.shapes.scene import Scene
from unified.data.shapes.vocabulary import COLOURS, TONES


def paint_backdrop(scene: Scene, rng: np.random.Generator) -> Picture:
    """The image without its objects."""
    base = np.asarray(TONES[scene.tone], np.float32) / 255 + rng.normal(0, 0.02, 3).astype(np.float32)
    lighter = math.copysign(rng.uniform(0.10, 0.22), rng.uniform(-1, 1))
    shade = lighter + rng.normal(0, 0.02, 3).astype(np.float32)
    share = _field(scene, rng)[..., None]
    return _add_clutter(np.clip(base + (share - 0.5) * shade, 0, 1), scene, rng)


def _field(scene: Scene, rng: np.random.Generator) -> Grid:
    """How much of the second shade shows, about 0..1: (height, width)."""
    w, h = scene.width, scene.height
    field: Grid
    match scene.ground:
        case "smooth":
            field = 0.5 + 0.7 * _ramp(w, h, rng.uniform(0, 2 * math.pi))
        case "cloudy":
            coarse, middle, fine = (_noise(w, h, cells, rng) for cells in (2.5, 5, 10))
            field = 0.5 + 0.9 * coarse + 0.45 * middle + 0.3 * fine
        case "blotchy":
            blots = np.clip(0.5 + 6 * _noise(w, h, rng.uniform(3, 6), rng), 0, 1)
            field = blots + 0.2 * _noise(w, h, 9, rng)
        case "lined":
            waves = math.pi * rng.uniform(5, 12) * _ramp(w, h, rng.uniform(0, 2 * math.pi))
            field = 0.5 + 0.45 * np.sin(waves + _noise(w, h, 3, rng))
        case _:  # grainy
            field = 0.5 + 0.6 * _noise(w, h, 60, rng) + 0.4 * _noise(w, h, 2, rng)
    return field


def _ramp(width: int, height: int, direction: float) -> Grid:
    """-1..1 across the image in `direction`."""
    x = np.linspace(-1, 1, width, dtype=np.float32) * math.cos(direction)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * math.sin(direction)
    return (x + y) / (abs(math.cos(direction)) + abs(math.sin(direction)))


def _noise(width: int, height: int, cells: float, rng: np.random.Generator) -> Grid:
    """Smooth noise, mostly within -1..1, with `cells` bumps along the shorter side."""
    scale = cells / min(width, height)
    coarse = rng.uniform(-1, 1, (max(2, round(height * scale)), max(2, round(width * scale)))).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


_OVERSIZE = 2
"""Clutter is drawn this much larger and reduced, for smooth edges."""


def _add_clutter(picture: Picture, scene: Scene, rng: np.random.Generator) -> Picture:
    if scene.clutter == "none":
        return picture
    layer = Image.new("RGBA", (scene.width * _OVERSIZE, scene.height * _OVERSIZE))
    draw = ImageDraw.Draw(layer)
    side = scene.side * _OVERSIZE
    if scene.clutter == "scribbles":
        for _ in range(int(rng.integers(2, 6))):
            width = max(1, round(side * rng.uniform(0.008, 0.02)))
            draw.line(_wander(layer.size, side, rng), fill=_ink(rng), width=width, joint="curve")
    else:
        for _ in range(int(rng.integers(15, 45))):
            x, y, r = rng.uniform(0, layer.width), rng.uniform(0, layer.height), side * rng.uniform(0.005, 0.014)
            draw.ellipse((x - r, y - r, x + r, y + r), fill=_ink(rng))
    drawn = np.asarray(layer.reduce(_OVERSIZE), np.float32) / 255
    return picture + drawn[..., 3:] * (drawn[..., :3] - picture)


def _ink(rng: np.random.Generator) -> tuple[int, int, int, int]:
    """The objects' colours, so that colour alone does not give an object away; translucent."""
    red, green, blue = COLOURS[str(rng.choice(list(COLOURS)))]
    return red, green, blue, int(rng.integers(130, 220))


def _wander(size: tuple[int, int], side: int, rng: np.random.Generator) -> list[tuple[float, float]]:
    """A curve that drifts off without closing."""
    x, y, heading = rng.uniform(0, size[0]), rng.uniform(0, size[1]), rng.uniform(0, 2 * math.pi)
    bend, path = rng.uniform(-0.16, 0.16), [(x, y)]
    for _ in range(int(rng.integers(8, 20))):
        heading += bend + rng.normal(0, 0.12)
        x, y = x + 0.035 * side * math.cos(heading), y + 0.035 * side * math.sin(heading)
        path.append((x, y))
    return path
