"""A clean data set for faults to be planted in, and what it takes to say where they must be found."""

from __future__ import annotations

import io
import json
import os
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Entry = dict[str, Any]

SIZE = (32, 24)
BOX = (4, 5, 10, 8)  # x y w h
MARK = "planted"  # a key that no reader knows, to find the line of an entry by


@dataclass(frozen=True)
class Planted:
    """Where a fault of `kind` must be found; `mark` is on the line of its entry, None where it is about the file."""

    kind: str
    file: Path
    mark: str | None = None
    line: int | None = None  # where there is no mark

    def at(self) -> tuple[str, str, int | None]:
        """(kind, file, line) as a finding has them."""
        if self.mark is None:
            return self.kind, str(self.file), self.line
        rows = self.file.read_text(encoding="utf-8-sig").split("\n")
        (line,) = [number for number, row in enumerate(rows, 1) if f'"{MARK}": "{self.mark}"' in row]
        return self.kind, str(self.file), line


@dataclass
class Site:
    """A data set in the making: COCO, one entry a line; train has frames of a video, val has stills."""

    root: Path
    documents: dict[str, dict[str, list[Entry]]] = field(default_factory=dict)
    sentences: dict[str, list[Entry]] = field(default_factory=dict)
    spoilers: list[Callable[[], None]] = field(default_factory=list)  # run when all is written
    count: int = 0

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(0)
        for split, pictures in (("train", 4), ("val", 2)):
            self.split(split)
            for _ in range(pictures):
                image = self.picture(split)
                self.box(image, split, identity=image["id"])
                self.box(image, split, bbox=[12, 9, 12, 10], category_id=2)
                self.caption(image, "Noise in the dark.", split)

    def split(self, name: str) -> None:
        categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
        self.documents[name] = {"images": [], "categories": categories, "annotations": []}
        self.sentences[name] = []

    def folder(self, split: str = "train") -> Path:
        return self.root / "images" / split

    def instances(self, split: str = "train") -> Path:
        return self.root / f"annotations/instances_{split}.json"

    def captions(self, split: str = "train") -> Path:
        return self.root / f"annotations/captions_{split}.json"

    def noise(self, size: tuple[int, int] = SIZE) -> Image.Image:
        return Image.fromarray(self.rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))

    def picture(
        self, split: str = "train", content: bytes | Image.Image | None = None, suffix: str = ".png", **entry: Any
    ) -> Entry:
        """A picture with its entry; of noise unless there is other content."""
        self.count += 1
        width, height = SIZE if not isinstance(content, Image.Image) else content.size
        name = f"{self.count:03d}{suffix}"
        listed = {"id": self.count, "file_name": name, "width": width, "height": height} | entry
        listed |= {"video": "street", "frame_id": self.count} if split == "train" else {}
        self.documents[split]["images"].append(listed)
        self.folder(split).mkdir(parents=True, exist_ok=True)
        data = content if isinstance(content, bytes) else encoded(content or self.noise())
        (self.folder(split) / name).write_bytes(data)
        return listed

    def labelled(self, split: str = "train", **options: Any) -> Entry:
        """A picture with a box that is in order."""
        image = self.picture(split, **options)
        self.box(image, split)
        return image

    def box(self, image: Entry, split: str = "train", **entry: Any) -> Entry:
        entries = self.documents[split]["annotations"]
        self.count += 1
        new = {"id": self.count, "image_id": image["id"], "category_id": 1, "bbox": list(BOX)} | entry
        entries.append(new)
        return new

    def caption(self, image: Entry, text: str, split: str = "train", **entry: Any) -> Entry:
        self.count += 1
        new = {"id": self.count, "image_id": image["id"], "caption": text} | entry
        self.sentences[split].append(new)
        return new

    def category(self, name: str, *, skip: int = 1, used: bool = True) -> None:
        """One more class in the splits for training and evaluation; its id is `skip` beyond the last."""
        number = max(entry["id"] for entry in self.documents["val"]["categories"]) + skip
        for split in ("train", "val"):
            self.documents[split]["categories"].append({"id": number, "name": name})
            if used:
                self.box(self.picture(split), split, category_id=number)

    def write(self) -> Path:
        """The annotation files; then what spoils them."""
        for split, document in self.documents.items():
            write_lists(self.instances(split), document)
            if self.sentences[split]:
                write_lists(self.captions(split), {"annotations": self.sentences[split]})
        for spoil in self.spoilers:
            spoil()
        return self.root


def write_lists(path: Path, lists: dict[str, list[Entry]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [
        f'"{name}": [\n' + ",\n".join(json.dumps(entry) for entry in entries) + "\n]" for name, entries in lists.items()
    ]
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def encoded(picture: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format, **options)
    return stream.getvalue()


def huge_png(side: int) -> bytes:
    """A small file that claims side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">2I5B", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def fingerprint(root: Path) -> dict[str, bytes]:
    """Every file under `root` with its content."""
    return {
        os.path.relpath(Path(at, name), root): Path(at, name).read_bytes()
        for at, _, names in os.walk(root)
        for name in names
    }


PLANTINGS: dict[str, Callable[[Site, str], Sequence[Planted]]] = {}
_Planting = Callable[[Site, str], Sequence[Planted]]


def plants(name: str) -> Callable[[_Planting], _Planting]:
    """Enters a planting under the kind that it plants, with a variant after a slash; it gets that name as its mark."""

    def enter(planting: _Planting) -> _Planting:
        PLANTINGS[name] = planting
        return planting

    return enter


def kind_in(name: str) -> str:
    return name.partition("/")[0]
