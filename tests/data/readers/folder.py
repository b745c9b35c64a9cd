"""Folders of labels and pictures for the readers' tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from unified.data.findings import Finding
from unified.data.readers import find_layout


def fill(root: Path, *pictures: str, size: tuple[int, int] = (100, 50), **texts: str) -> Path:
    """Black pictures of these names; texts by file name, "__" for a slash and "_dot_" for a dot."""
    for name in pictures:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size).save(path)
    write(root, {name.replace("__", "/").replace("_dot_", "."): text for name, text in texts.items()})
    return root


def write(root: Path, texts: Mapping[str, str]) -> Path:
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def findings(root: Path, split: str = "train") -> list[Finding]:
    return find_layout(root, split).parse().findings
