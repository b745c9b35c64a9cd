"""A scene as pixels: surfaces, shadows, light and a camera that is not perfect."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from unified.data.shapes.arrays import Grid, Mask, Picture
from unified.data.shapes.backdrop import paint_backdrop
from unified.data.shapes.outlines import inside
from unified.data.shapes.pose import SUPERSAMPLES, per_pixel
from unified.data.shapes.scene import Placed, Scene
from unified.data.shapes.surface import palette, shares_at


@dataclass(frozen=True, kw_only=True)
class _Light:
    """Light and camera of one image."""

    direction: float
    """Where the light comes from, radians in the image plane."""
    relief: float
    """Relative change of brightness from the middle of an object to its lit edge."""
    shadow: float
    """Share of light that a shadow takes away."""
    exposure: float
    falloff: float
    """Relative change of brightness from the middle of the image to its lit border."""
    tint: NDArray[np.floating]
    """Factor on red, green and blue."""
    blur: float
    """Standard deviation, as a share of the side."""
    noise: float
    """Standard deviation, in 0..1."""


def render(scene: Scene, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The image, (height, width, 3) RGB."""
    light = _draw_light(rng)
    picture = paint_backdrop(scene, rng)
    margin = math.ceil(1.7 * max((placed.pose.radius for placed in scene.objects), default=0))
    canvas = np.pad(picture, ((margin, margin), (margin, margin), (0, 0)))
    for placed in scene.objects:
        _paint(canvas, margin, placed, light, brightness=rng.uniform(0.88, 1.1))
    return _expose(canvas[margin : margin + scene.height, margin : margin + scene.width], light, scene.side, rng)


def _draw_light(rng: np.random.Generator) -> _Light:
    return _Light(
        direction=rng.uniform(0, 2 * math.pi),
        relief=rng.uniform(0.0, 0.22),
        shadow=rng.uniform(0.1, 0.5),
        exposure=rng.uniform(0.8, 1.12),
        falloff=rng.uniform(0.0, 0.2),
        tint=rng.uniform(0.94, 1.06, 3).astype(np.float32),
        blur=max(0.0, rng.uniform(-0.002, 0.005)),
        noise=rng.uniform(0.004, 0.025),
    )


_RIM = 0.08
"""Width, in object radii, of the main colour's rim around a texture: it keeps the outline legible."""
_SHADOW_OFFSET = 0.16
_SHADOW_SOFTNESS = 0.12
"""In object radii; the shadow falls away from the light."""


def _paint(canvas: Picture, margin: int, placed: Placed, light: _Light, brightness: float) -> None:
    """Draw an object and its shadow into `canvas` (the image with a margin), in place."""
    pose = placed.pose
    x, y = pose.local_grid()
    body = inside(placed.identity.category, x, y, placed.identity.build)
    second, mark = shares_at(placed.identity, x, y)
    second, mark = per_pixel(second * _core(body, pose.radius)), per_pixel(mark * body)
    coverage = per_pixel(body)
    shares = (coverage - second - mark, second, mark)
    weighted = sum(share[..., None] * colour for share, colour in zip(shares, palette(placed.identity), strict=True))

    left, top, right, bottom = (edge + margin for edge in pose.window)
    soft = _shadow(coverage, pose.radius)
    pad = (soft.shape[0] - coverage.shape[0]) // 2
    dx = round(-_SHADOW_OFFSET * pose.radius * math.cos(light.direction)) - pad
    dy = round(-_SHADOW_OFFSET * pose.radius * math.sin(light.direction)) - pad
    under = canvas[top + dy : top + dy + soft.shape[0], left + dx : left + dx + soft.shape[1]]
    under *= 1 - light.shadow * soft[..., None]

    lit = 1 + light.relief * _slope(right - left, bottom - top, light.direction)
    over = canvas[top:bottom, left:right]
    over *= 1 - coverage[..., None]
    over += np.minimum(weighted * (brightness * lit)[..., None], coverage[..., None])


def _core(body: Mask, radius: float) -> Mask:
    """The subsamples of `body` that are further from its outline than the rim is wide."""
    mask = Image.fromarray(body.astype(np.uint8) * 255)
    reach = _RIM * radius * SUPERSAMPLES
    return np.asarray(mask.filter(ImageFilter.BoxBlur(reach))) > 0.9 * 255


def _shadow(coverage: Grid, radius: float) -> Grid:
    """`coverage`, softened, on a field that is larger by the same number of pixels on every side."""
    pad = math.ceil(2 * _SHADOW_SOFTNESS * radius)
    mask = Image.fromarray(np.pad(coverage * 255, pad).astype(np.uint8))
    return np.asarray(mask.filter(ImageFilter.BoxBlur(_SHADOW_SOFTNESS * radius)), np.float32) / 255


def _slope(width: int, height: int, direction: float) -> Grid:
    """About -1..1 across a field, rising towards `direction`."""
    x = np.linspace(-1, 1, width, dtype=np.float32) * math.cos(direction)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * math.sin(direction)
    return x + y


def _expose(picture: Picture, light: _Light, side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """What the camera makes of it."""
    height, width = picture.shape[:2]
    lit = 1 + light.falloff * _slope(width, height, light.direction)
    exposed = picture * lit[..., None] * light.tint * light.exposure
    sharp = Image.fromarray((np.clip(exposed, 0, 1) * 255).astype(np.uint8))
    blurred = np.asarray(sharp.filter(ImageFilter.GaussianBlur(light.blur * side)), np.float32)
    noise = rng.standard_normal((height, width, 1), np.float32) * (255 * light.noise)
    return np.clip(blurred + noise + 0.5, 0, 255).astype(np.uint8)
