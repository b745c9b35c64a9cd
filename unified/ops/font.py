"""The letters of annotated pictures and contact sheets."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@cache
def font(size: int) -> Font:
    """DejaVu Sans, which matplotlib brings along: Latin with all accents, Greek, Cyrillic and more. Size in pixels."""
    spec = find_spec("matplotlib")
    home = Path(spec.origin).parent if spec is not None and spec.origin is not None else Path()
    file = home / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(str(file), size) if file.is_file() else ImageFont.load_default(size)
