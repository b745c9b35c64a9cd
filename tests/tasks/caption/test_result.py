from __future__ import annotations

import json

import pytest
from PIL import Image

from tasks.caption import Caption
from unified.ops.canvas import Canvas


@pytest.mark.parametrize("text", ["a red star", "", "собака 🐶 狗", "word " * 400])
def test_any_caption_is_told_and_drawn(text: str) -> None:
    caption = Caption(text, 0.1 + 0.2, 7)
    assert Caption.from_json(json.loads(json.dumps(caption.to_json()))) == caption
    assert caption.to_coco("b") == [{"image_id": "b", "caption": text}]
    canvas = Canvas(Image.new("RGB", (480, 10)))
    caption.draw(canvas)
    assert canvas.picture().height > 10
