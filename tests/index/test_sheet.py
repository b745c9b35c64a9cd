from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image, ImageColor

from unified.index.entry import Entry, Hit
from unified.index.sheet import (
    ASKED,
    CELL,
    COLUMNS,
    FRAME,
    GAP,
    OTHER,
    PAD,
    SAME,
    UNKNOWN,
    Tile,
    draw_sheet,
    entry_tile,
    image_tile,
    vector_tile,
    write_sheet,
    write_text_sheet,
)
from unified.index.text import Mention

RED, BLUE = (220, 30, 30), (30, 30, 220)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Red, with a blue object at (20, 10) of 30 x 40 pixels."""
    image = Image.new("RGB", (100, 80), RED)
    image.paste(BLUE, (20, 10, 50, 50))
    image.save(tmp_path / "a.png")
    return tmp_path / "a.png"


def colours(sheet: Image.Image) -> set[tuple[int, ...]]:
    return {colour for _, colour in sheet.getcolors(sheet.width * sheet.height) or () if isinstance(colour, tuple)}


def frames(path: Path, count: int) -> list[str]:
    """The names of the frames' colours in reading order, the query's first."""
    names: dict[object, str] = {ImageColor.getrgb(colour): colour for colour in (SAME, OTHER, UNKNOWN, ASKED)}
    columns = min(COLUMNS, count)
    rows = -(-count // columns)
    with Image.open(path) as sheet:
        step_x = CELL + 2 * FRAME + GAP
        left = sheet.width - PAD + GAP - columns * step_x
        step_y = (sheet.height - 2 * PAD + GAP) // rows
        at = [(left + i % columns * step_x, PAD + i // columns * step_y) for i in range(count)]
        found = [sheet.getpixel((x + 2, y + 2)) for x, y in [(PAD, PAD), *at]]
    return [names[colour] for colour in found]


def hits(path: Path, identities: Sequence[int | None]) -> list[Hit]:
    box = (20.0, 10.0, 30.0, 40.0)
    return [Hit(i, 0.9 - i / 100, Entry(str(path), box, "dog", who)) for i, who in enumerate(identities)]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (4, [ASKED, SAME, OTHER, UNKNOWN, SAME, OTHER, OTHER, SAME]),
        (None, [ASKED, *[UNKNOWN] * 7]),
    ],
)
def test_frames_tell_who_is_the_same_where_both_are_known(
    asked: int | None, expected: list[str], picture: Path, tmp_path: Path
) -> None:
    out = tmp_path / "sheet.png"
    write_sheet(out, image_tile(str(picture), None), hits(picture, [4, 5, None, 4, 0, 6, 4]), asked)
    assert frames(out, 7) == expected


@pytest.mark.parametrize("count", [1, 4, 5, 6, 20])
def test_every_neighbour_has_its_place(count: int, picture: Path, tmp_path: Path) -> None:
    write_sheet(tmp_path / "s.png", image_tile(str(picture), None), hits(picture, [1] * count), 1)
    assert frames(tmp_path / "s.png", count) == [ASKED, *[SAME] * count]


def test_the_object_is_shown_as_it_is_and_what_is_around_it_paler(picture: Path) -> None:
    tile = entry_tile("1", hits(picture, [None])[0].entry)
    shown = colours(draw_sheet(tile, []))
    assert BLUE in shown and RED not in shown
    assert any(red > 230 and 100 < green == blue < 200 for red, green, blue in shown)  # faded red
    whole = image_tile(str(picture), None)
    assert {BLUE, RED} <= colours(draw_sheet(whole, []))


@pytest.mark.parametrize("box", [(0, 0, 100, 80), (99.5, 79.5, 0.5, 0.5), (0, 40, 100, 0.25), (0, 0, 1, 80)])
def test_a_box_of_any_shape_at_any_edge_can_be_shown(box: tuple[float, ...], picture: Path) -> None:
    x, y, w, h = box
    sheet = draw_sheet(image_tile(str(picture), (x, y, w, h)), [])
    assert any(abs(red - 220) < 3 and abs(green - 30) < 3 for red, green, _ in colours(sheet))


@pytest.mark.parametrize("box", [(-5, -5, 30, 30), (60, 60, 90, 90), (0, 0, 100.0000001, 80), (-1e300, 0, 2e300, 80)])
def test_of_a_box_that_reaches_outside_the_picture_shows_what_is_inside(box: tuple[float, ...], picture: Path) -> None:
    x, y, w, h = box
    tile = entry_tile("1", Entry(str(picture), (x, y, w, h), "dog"))
    assert RED in colours(draw_sheet(tile, [tile]))
    assert tile.box == (max(x, 0), max(y, 0), min(x + w, 100), min(y + h, 80))


@pytest.mark.parametrize(
    "box", [(100, 100, 20, 20), (10, 10, 0, 0), (10, 10, 0, 5), (10, 10, 1e-6, 1e-6), (-9, 5, 9, 9), (50, 50, -5, 5)]
)
def test_a_box_of_which_nothing_is_left_is_said_and_the_others_are_shown(
    box: tuple[float, ...], picture: Path, tmp_path: Path
) -> None:
    x, y, w, h = box
    gone = Hit(1, 0.5, Entry(str(picture), (x, y, w, h), "dog", 4))
    tile = entry_tile("1", gone.entry)
    assert (tile.picture, tile.text, tile.instead) == (None, "dog #4", "nothing in its box")
    write_sheet(tmp_path / "s.png", image_tile(str(picture), None), [gone, *hits(picture, [4])], 4)
    assert frames(tmp_path / "s.png", 2) == [ASKED, SAME, SAME]


def test_what_cannot_be_shown_is_said(tmp_path: Path) -> None:
    gone = entry_tile("1   0.900", Entry(str(tmp_path / "gone.jpg"), (0.0, 0.0, 5.0, 5.0), "dog", 3))
    assert (gone.picture, gone.text, gone.instead) == (None, "dog #3", "cannot be read")
    assert (vector_tile("a/q.npy").text, vector_tile("a/q.npy").instead) == ("q.npy", "a vector")
    draw_sheet(vector_tile("q.npy"), [gone])


def test_an_entry_without_a_category_is_called_by_its_picture() -> None:
    assert [entry_tile("", Entry("x/a.jpg", None, category, who)).text for category, who in
            [(None, None), ("dog", None), (None, 0)]] == ["a.jpg", "dog", "#0"]  # fmt: skip


def test_long_names_do_not_run_into_the_neighbour(picture: Path) -> None:
    image = Image.open(picture)
    long = Tile(image, None, "head " * 40, "text " * 40)
    sheet = draw_sheet(long, [long])
    left = PAD + CELL + 2 * FRAME
    below = sheet.crop((left, PAD + CELL + 2 * FRAME, left + 2 * GAP, sheet.height))
    assert colours(below) == {(255, 255, 255)}


def test_a_text_search_shows_whole_pictures_and_that_it_is_one(picture: Path, tmp_path: Path) -> None:
    write_text_sheet(
        tmp_path / "s.png", "a red star", [Mention(1.5, str(picture), "a red star, far too long" * 9, (0,))]
    )
    assert frames(tmp_path / "s.png", 1) == [ASKED, UNKNOWN]
    with Image.open(tmp_path / "s.png") as sheet:
        assert {RED, BLUE} <= colours(sheet)
    write_text_sheet(tmp_path / "other.png", "a blue ring", [])
    assert (tmp_path / "s.png").read_bytes() != (tmp_path / "other.png").read_bytes()
