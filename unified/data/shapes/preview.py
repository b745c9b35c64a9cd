"""A contact sheet of annotated pictures: the first thing to look at."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from unified.data.shapes.scene import Scene

_COLUMNS, _ROWS = 4, 3
_TILE = 288
_TEXT = 52
"""Height for the caption below a picture."""
_GAP = 12
_LETTERS = 46
"""Of a caption's line."""


@dataclass(frozen=True)
class Exhibit:
    """One picture of the sheet."""

    path: Path
    scene: Scene
    caption: str


def draw_preview(exhibits: Sequence[Exhibit], path: Path) -> None:
    """Write the first pictures with boxes, `category #identity` and a caption to `path` (PNG)."""
    shown = exhibits[: _COLUMNS * _ROWS]
    rows = -(-len(shown) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * (_TILE + _GAP) + _GAP, rows * (_TILE + _TEXT + _GAP) + _GAP), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(12)
    for k, exhibit in enumerate(shown):
        x = _GAP + k % _COLUMNS * (_TILE + _GAP)
        y = _GAP + k // _COLUMNS * (_TILE + _TEXT + _GAP)
        tile = _annotate(exhibit, font)
        sheet.paste(tile, (x + (_TILE - tile.width) // 2, y + (_TILE - tile.height) // 2))
        draw.text((x, y + _TILE + 4), textwrap.fill(exhibit.caption, _LETTERS), fill="black", font=font)
    sheet.save(path)


def _annotate(exhibit: Exhibit, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> Image.Image:
    """The picture fitted into a tile, its boxes drawn."""
    scale = _TILE / max(exhibit.scene.width, exhibit.scene.height)
    size = round(exhibit.scene.width * scale), round(exhibit.scene.height * scale)
    with Image.open(exhibit.path) as picture:
        tile: Image.Image = picture.resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(tile)
    for placed in exhibit.scene.objects:
        left, top, right, bottom = (edge * scale for edge in placed.box)
        draw.rectangle((left, top, right - 1, bottom - 1), outline="white")
        label = f"{placed.identity.category} #{placed.identity.number}"
        corner = min(left, size[0] - draw.textlength(label, font)), max(top - 15, 0)
        draw.rectangle(draw.textbbox(corner, label, font), fill="black")
        draw.text(corner, label, fill="white", font=font)
    return tile
