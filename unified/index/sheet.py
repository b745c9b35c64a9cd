"""A contact sheet: what was asked on the left, its neighbours beside it, the nearest first.

Where identities are known, a neighbour stands in green if it has the query's and in red if it has another; else in
grey. The colours are Okabe and Ito's, which the colour-blind can tell apart (jfly.uni-koeln.de/color).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image, ImageDraw

from unified.data.picture import open_picture
from unified.errors import DataError
from unified.index.entry import Entry, Hit
from unified.index.text import Mention
from unified.ops.font import font

SAME, OTHER, UNKNOWN, ASKED = "#009E73", "#D55E00", "#B8B8B4", "#1A1A1A"
INK, FAINT, PAPER, GROUND = "#1A1A1A", "#6B6B68", "#FFFFFF", "#EFEFEC"

CELL = 176  # pixels; side of a neighbour's picture
FRAME, GAP, PAD = 5, 18, 24  # pixels: of the frame, between tiles, around the sheet
COLUMNS = 5
AROUND = 0.15  # of the box's longer side: what is shown around it …
PALER = 0.45  # … and how far it is faded
LEAST = 0.01  # pixels; a side shorter than that shows nothing, and Pillow's float32 might round it to none
LETTERS, SMALL = 17, 14  # pixels

Box = tuple[float, float, float, float]  # x1 y1 x2 y2 in pixels of the picture
XYWH = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture of a sheet; a box of None is all of it. Without a picture, `instead` stands in its place."""

    picture: Image.Image | None
    box: Box | None
    head: str
    text: str = ""
    same: bool | None = None  # as the query? None = not known
    instead: str = "cannot be read"


def write_sheet(path: Path, asked: Tile, hits: Sequence[Hit], identity: int | None) -> None:
    """Draw the hits of a query that shows `identity`, where that is known."""
    tiles = [
        replace(
            entry_tile(f"{rank}   {hit.score:.3f}", hit.entry),
            same=None if identity is None or hit.entry.identity is None else hit.entry.identity == identity,
        )
        for rank, hit in enumerate(hits, 1)
    ]
    draw_sheet(asked, tiles).save(path)


def write_text_sheet(path: Path, words: str, mentions: Sequence[Mention]) -> None:
    """Draw what a text search found: whole pictures with the captions that were searched, and their scores."""
    asked = Tile(None, None, "text search", words, instead="words in captions")
    tiles = [
        _open(mention.image, None, f"{rank}   {mention.score:.3g}", mention.caption)
        for rank, mention in enumerate(mentions, 1)
    ]
    draw_sheet(asked, tiles).save(path)


def entry_tile(head: str, entry: Entry) -> Tile:
    """What an entry shows; a picture that is gone, damaged or too small since it was indexed is told in its place."""
    text = " ".join([entry.category or "", "" if entry.identity is None else f"#{entry.identity}"]).strip()
    return _open(entry.image, entry.box, head, text or Path(entry.image).name)


def image_tile(image: str, box: XYWH | None) -> Tile:
    """What was asked for by a picture, or by its box."""
    return _open(image, box, "query", Path(image).name)


def vector_tile(name: str) -> Tile:
    """What was asked for by a vector, which shows nothing."""
    return Tile(None, None, "query", Path(name).name, instead="a vector")


def _open(image: str, box: XYWH | None, head: str, text: str) -> Tile:
    try:
        picture = open_picture(image)
    except DataError:
        return Tile(None, None, head, text)
    if box is None:
        return Tile(picture, None, head, text)
    corners = _within(picture, box)
    if corners is None:
        return Tile(None, None, head, text, instead="nothing in its box")
    return Tile(picture, corners, head, text)


def _within(picture: Image.Image, box: XYWH) -> Box | None:
    """What of the box is in the picture, which may have become smaller since it was indexed; None = nothing."""
    x, y, w, h = box
    x1, y1 = max(x, 0.0), max(y, 0.0)
    x2, y2 = min(x + w, float(picture.width)), min(y + h, float(picture.height))
    return (x1, y1, x2, y2) if min(x2 - x1, y2 - y1) >= LEAST else None


def draw_sheet(query: Tile, neighbours: Sequence[Tile]) -> Image.Image:
    """The sheet of a query and its neighbours, in rows of `COLUMNS`; the query takes the height of two rows."""
    columns = max(min(COLUMNS, len(neighbours)), 1)
    rows = max(-(-len(neighbours) // columns), 1)
    step_x, step_y = CELL + 2 * FRAME + GAP, CELL + 2 * FRAME + _text_height() + GAP
    large = CELL if rows == 1 else 2 * CELL + 2 * FRAME + _text_height() + GAP
    left = PAD + large + 2 * FRAME + 2 * GAP
    size = (left + columns * step_x - GAP + PAD, 2 * PAD + rows * step_y - GAP)
    sheet = Image.new("RGB", size, PAPER)
    _draw_tile(sheet, query, (PAD, PAD), large, ASKED)
    for i, tile in enumerate(neighbours):
        place = (left + i % columns * step_x, PAD + i // columns * step_y)
        _draw_tile(sheet, tile, place, CELL, UNKNOWN if tile.same is None else SAME if tile.same else OTHER)
    if not neighbours:
        ImageDraw.Draw(sheet).text((left, PAD + CELL // 2), "no neighbours", fill=FAINT, font=font(LETTERS))
    return sheet


def _draw_tile(sheet: Image.Image, tile: Tile, place: tuple[int, int], side: int, colour: str) -> None:
    x, y = place
    outer = side + 2 * FRAME
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((x, y, x + outer - 1, y + outer - 1), fill=colour)
    if tile.picture is None:
        draw.rectangle((x + FRAME, y + FRAME, x + outer - FRAME - 1, y + outer - FRAME - 1), fill=GROUND)
        draw.text((x + outer / 2, y + outer / 2), tile.instead, fill=FAINT, font=font(SMALL), anchor="mm")
    else:
        sheet.paste(_look(tile.picture, tile.box, side), (x + FRAME, y + FRAME))
    draw.text((x, y + outer + 6), _fit(tile.head, outer, LETTERS), fill=INK, font=font(LETTERS))
    draw.text((x, y + outer + 8 + LETTERS + 4), _fit(tile.text, outer, SMALL), fill=FAINT, font=font(SMALL))


def _look(picture: Image.Image, box: Box | None, side: int) -> Image.Image:
    """A square of `side` pixels around the box; what is not in the box is paler. Without one, the whole picture."""
    width, height = picture.size
    x1, y1, x2, y2 = box or (0.0, 0.0, float(width), float(height))
    reach = max(x2 - x1, y2 - y1) * (0.5 + (AROUND if box else 0.0))
    left, top = (x1 + x2) / 2 - reach, (y1 + y2) / 2 - reach
    zoom = side / (2 * reach)

    def shown(x: float, y: float) -> tuple[int, int]:
        return min(max(round((x - left) * zoom), 0), side), min(max(round((y - top) * zoom), 0), side)

    def cut(region: Box) -> tuple[Image.Image, tuple[int, int]]:
        start, end = shown(*region[:2]), shown(*region[2:])
        size = (max(end[0] - start[0], 1), max(end[1] - start[1], 1))
        return picture.resize(size, Image.Resampling.BICUBIC, box=region), start

    whole = (max(left, 0.0), max(top, 0.0), min(left + 2 * reach, width), min(top + 2 * reach, height))
    square = Image.new("RGB", (side, side), GROUND)
    around, place = cut(whole)
    square.paste(Image.blend(around, Image.new("RGB", around.size, PAPER), PALER) if box else around, place)
    if box is not None:
        square.paste(*cut(box))
    return square


def _text_height() -> int:
    return 6 + LETTERS + 6 + SMALL + 4


def _fit(text: str, width: int, size: int) -> str:
    """The text, or as much of its beginning as fits with an ellipsis."""
    letters = font(size)
    if letters.getlength(text) <= width:
        return text
    while text and letters.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text.rstrip()}…"
