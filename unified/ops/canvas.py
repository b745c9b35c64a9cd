"""A picture to draw results on: boxes with labels, and lines of text under the picture."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from unified.ops.font import font

# Okabe and Ito's palette, which the colour-blind can tell apart (jfly.uni-koeln.de/color), without black.
PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
DARK = "#1a1a1a"
CAPTION_BACKGROUND = "#f4f4f2"


READABLE = 480  # pixels of the longer side below which labels would hide what they name


class Canvas:
    """Draws on a copy of an RGB picture; a small one is enlarged by a whole factor, so that labels stay small on it.

    Coordinates are pixels of the picture as it was given.
    """

    def __init__(self, picture: Image.Image) -> None:
        self._zoom = max(READABLE // max(picture.size), 1)
        width, height = picture.size
        enlarged = (self._zoom * width, self._zoom * height)
        self._picture = picture.convert("RGB").resize(enlarged, Image.Resampling.BICUBIC)
        self._draw = ImageDraw.Draw(self._picture)
        self._captions: list[str] = []
        # Lines and letters grow with the picture, so that both a thumbnail and a 4k frame can be read.
        side = max(self._picture.size)
        self._line = max(round(side / 320), 2)
        self._font_size = max(round(side / 45), 11)
        self._font = font(self._font_size)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the drawn picture in its own pixels."""
        return self._picture.size

    def box(self, x1: float, y1: float, x2: float, y2: float, text: str = "", colour_index: int = 0) -> None:
        """A rectangle with a label above it, or inside where there is no room."""
        colour = PALETTE[colour_index % len(PALETTE)]
        x1, y1, x2, y2 = (self._zoom * value for value in (x1, y1, x2, y2))
        self._draw.rectangle((x1, y1, max(x2, x1), max(y2, y1)), outline=colour, width=self._line)
        if not text:
            return
        left, top, right, bottom = self._font.getbbox(text)
        width, height = right - left + 4, bottom - top + 4
        x = min(max(x1, 0), max(self.size[0] - width, 0))
        y = y1 - height if y1 >= height else y1
        self._draw.rectangle((x, y, x + width, y + height), fill=colour)
        self._draw.text((x + 2 - left, y + 2 - top), text, fill=DARK if _is_light(colour) else "white", font=self._font)

    def path(self, points: Sequence[tuple[float, float]], colour_index: int = 0) -> None:
        """A line through points, x and y; fewer than two draw nothing."""
        zoomed = [(self._zoom * x, self._zoom * y) for x, y in points]
        if len(zoomed) > 1:
            self._draw.line(zoomed, fill=PALETTE[colour_index % len(PALETTE)], width=self._line, joint="curve")

    def caption(self, text: str) -> None:
        """A line under the picture; long ones are wrapped."""
        self._captions.append(text)

    def picture(self) -> Image.Image:
        """The picture with everything drawn, taller by its captions."""
        lines = [line for caption in self._captions for line in self._wrap(caption)]
        if not lines:
            return self._picture
        width, height = self.size
        step = round(self._font_size * 1.35)
        sheet = Image.new("RGB", (width, height + step * len(lines) + step // 2), CAPTION_BACKGROUND)
        sheet.paste(self._picture, (0, 0))
        draw = ImageDraw.Draw(sheet)
        for i, line in enumerate(lines):
            draw.text((step // 3, height + step // 4 + i * step), line, fill=DARK, font=self._font)
        return sheet

    def _wrap(self, text: str) -> list[str]:
        lines, line = [], ""
        for word in text.split():
            longer = f"{line} {word}".strip()
            if line and self._font.getlength(longer) > self.size[0] - self._font_size:
                lines.append(line)
                longer = word
            line = longer
        return [*lines, line]


def _is_light(colour: str) -> bool:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue > 130


def contact_sheet(pictures: list[Image.Image], *, columns: int, cell: int, gap: int = 6) -> Image.Image:
    """Pictures in rows on white, each shrunk to fit a square of `cell` pixels."""
    rows = -(-len(pictures) // columns)
    heights = []
    small = []
    for row in range(rows):
        line = [picture.copy() for picture in pictures[row * columns : (row + 1) * columns]]
        for picture in line:
            picture.thumbnail((cell, 2 * cell))
        small.append(line)
        heights.append(max(picture.height for picture in line))
    sheet = Image.new("RGB", (columns * (cell + gap) + gap, sum(heights) + gap * (rows + 1)), "white")
    y = gap
    for line, height in zip(small, heights, strict=True):
        for column, picture in enumerate(line):
            sheet.paste(picture, (gap + column * (cell + gap) + (cell - picture.width) // 2, y))
        y += height + gap
    return sheet
