from __future__ import annotations

import pytest
from PIL import Image, ImageDraw

from unified.ops.font import font


def drawn(text: str) -> bytes:
    picture = Image.new("L", (60, 40))
    ImageDraw.Draw(picture).text((5, 5), text, fill=255, font=font(20))
    return picture.tobytes()


@pytest.mark.parametrize("letter", ["Ä", "ñ", "ł", "Ω", "Ж"])
def test_letters_of_other_languages_are_there(letter: str) -> None:
    assert drawn(letter) != drawn("\U0010fffd"), "the box of a letter that is missing"
