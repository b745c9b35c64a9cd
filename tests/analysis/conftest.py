from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from PIL import Image


@pytest.fixture
def sketches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are put together, and then one pixel is saved: drawing them takes most of a verb's time."""

    def sketch(figure: Figure, path: Path, **options: Any) -> None:
        Image.new("RGB", (1, 1)).save(path)

    monkeypatch.setattr(Figure, "savefig", sketch)
