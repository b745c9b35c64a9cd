"""A clean data set into which faults are planted, each with the place where it must be found.

Every planting brings pictures and boxes of its own, so that any number of them can be planted together.
"""

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
    """A data set in the making: COCO, two splits, one entry a line."""

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


def _boxes(name: str, **entry: Any) -> None:
    """A planting of a box beside one that is in order."""

    @plants(name)
    def _(site: Site, mark: str) -> list[Planted]:
        site.box(site.labelled(), **{MARK: mark}, **entry)
        return [Planted(kind_in(name), site.instances(), mark)]


def _pictures(name: str, make: Callable[[Site], Entry]) -> None:
    """A planting of a picture, with options for `Site.labelled`."""

    @plants(name)
    def _(site: Site, mark: str) -> list[Planted]:
        site.labelled(**{MARK: mark}, **make(site))
        return [Planted(kind_in(name), site.instances(), mark)]


def _cmyk(site: Site) -> Entry:
    return {"content": encoded(site.noise().convert("CMYK"), "JPEG"), "suffix": ".jpg"}


def _deep(site: Site) -> np.ndarray:
    return site.rng.integers(0, 65_536, SIZE[::-1]).astype(np.uint16)


def _float(site: Site) -> Entry:
    return {"content": encoded(Image.fromarray(_deep(site).astype(np.float32)), "TIFF"), "suffix": ".tif"}


def _film(site: Site) -> Entry:
    film = encoded(site.noise(), "WEBP", save_all=True, append_images=[site.noise()], lossless=True)
    return {"content": film, "suffix": ".webp"}


def _turned(site: Site) -> Entry:
    exif = Image.Exif()
    exif[0x0112] = 6
    return {"content": encoded(site.noise(), "JPEG", exif=exif, quality=95), "suffix": ".jpg"}


_boxes("wrong type/category", category_id="cat")
_boxes("wrong type/box", bbox=[1, 2, 3])
_boxes("bad value", area=-5)
_boxes("unknown picture/box", image_id=99_999)
_boxes("unknown category", category_id=77)
_boxes("non-finite number", bbox=[float("nan"), 1, 4, 4])
_boxes("negative box", bbox=[9, 9, -4, 4])
_boxes("zero-size box", bbox=[9, 9, 4, 0])
_boxes("box outside", bbox=[32, 9, 4, 4])
_boxes("box clipped", bbox=[20, 9, 20, 10])
_boxes("normalised box", bbox=[0.2, 0.3, 0.4, 0.5])
_boxes("box covers picture", bbox=[0, 0, *SIZE])
_boxes("narrow box", bbox=[9, 9, 1.5, 9])
_boxes("area beyond box", bbox=[9, 9, 5, 5], area=900)
_boxes("duplicate box", bbox=list(BOX))

_pictures("empty picture", lambda site: {"content": b""})
_pictures("damaged picture", lambda site: {"content": encoded(site.noise())[:-400]})
_pictures("not a picture/web page", lambda site: {"content": b"<!DOCTYPE html><p>404"})
_pictures("not a picture/GIF", lambda site: {"content": encoded(site.noise(), "GIF")})
_pictures("picture too large", lambda site: {"content": huge_png(20_000), "width": 20_000, "height": 20_000})
_pictures("size mismatch", lambda site: {"width": 40, "height": 30})
_pictures("blank picture", lambda site: {"content": Image.new("RGB", SIZE, (9, 9, 9))})
_pictures("wrong suffix", lambda site: {"suffix": ".jpg"})
_pictures("unusual pixels/CMYK", _cmyk)
_pictures("unusual pixels/16 bits", lambda site: {"content": Image.fromarray(_deep(site))})
_pictures("unreadable pixels", _float)
_pictures("animation", _film)
_pictures("EXIF turn", lambda site: _turned(site) | {"width": SIZE[1], "height": SIZE[0]})
_pictures("boxes of the unturned picture", _turned)


@plants("missing value")
def _(site: Site, mark: str) -> list[Planted]:
    site.box(site.labelled(), **{MARK: mark}).pop("bbox")
    return [Planted("missing value", site.instances(), mark)]


@plants("duplicate image id")
def _(site: Site, mark: str) -> list[Planted]:
    site.documents["train"]["images"].append(site.labelled() | {MARK: mark})
    return [Planted("duplicate image id", site.instances(), mark)]


@plants("duplicate annotation id")
def _(site: Site, mark: str) -> list[Planted]:
    first = site.box(site.picture())
    site.box({"id": first["image_id"]}, id=first["id"], bbox=[9, 9, 9, 9], **{MARK: mark})
    return [Planted("duplicate annotation id", site.instances(), mark)]


@plants("duplicate category id")
def _(site: Site, mark: str) -> list[Planted]:
    site.documents["train"]["categories"].append({"id": 1, "name": "lynx", MARK: mark})
    return [Planted("duplicate category id", site.instances(), mark)]


@plants("duplicate category name")
def _(site: Site, mark: str) -> list[Planted]:
    site.category("cat")
    return [Planted("duplicate category name", site.instances(split)) for split in ("train", "val")]


@plants("unused categories")
def _(site: Site, mark: str) -> list[Planted]:
    site.category("unicorn", used=False)
    return [Planted("unused categories", site.instances(split)) for split in ("train", "val")]


@plants("id gaps")
def _(site: Site, mark: str) -> list[Planted]:
    site.category("bird", skip=80)
    return [Planted("id gaps", site.instances(split)) for split in ("train", "val")]


@plants("unknown picture/caption")
def _(site: Site, mark: str) -> list[Planted]:
    site.caption({"id": 88_888}, "Where?", **{MARK: mark})
    return [Planted("unknown picture", site.captions(), mark)]


@plants("empty caption")
def _(site: Site, mark: str) -> list[Planted]:
    site.caption(site.labelled(), " \n", **{MARK: mark})
    return [Planted("empty caption", site.captions(), mark)]


@plants("duplicate caption")
def _(site: Site, mark: str) -> list[Planted]:
    image = site.labelled()
    site.caption(image, "Twice the same.")
    site.caption(image, "Twice  the same.", **{MARK: mark})
    return [Planted("duplicate caption", site.captions(), mark)]


@plants("thin box")
def _(site: Site, mark: str) -> list[Planted]:
    image = site.labelled(content=site.noise((64, 24)))
    site.box(image, bbox=[5, 5, 50, 2.2], **{MARK: mark})
    return [Planted("thin box", site.instances(), mark)]


@plants("missing picture")
def _(site: Site, mark: str) -> list[Planted]:
    (site.folder() / site.labelled(**{MARK: mark})["file_name"]).unlink()
    return [Planted("missing picture", site.instances(), mark)]


@plants("closed picture")
def _(site: Site, mark: str) -> list[Planted]:
    path = site.folder() / site.labelled(**{MARK: mark})["file_name"]
    path.unlink()
    path.mkdir()
    return [Planted("closed picture", site.instances(), mark)]


@plants("tiny picture")
def _(site: Site, mark: str) -> list[Planted]:
    site.caption(site.picture(content=site.noise((1, 1)), **{MARK: mark}), "A dot.")
    return [Planted("tiny picture", site.instances(), mark)]


@plants("misspelt file name/case")
def _(site: Site, mark: str) -> list[Planted]:
    path = site.folder() / site.labelled(**{MARK: mark})["file_name"]
    path.rename(path.with_name(path.name.upper()))
    return [Planted("misspelt file name", site.instances(), mark)]


@plants("misspelt file name/slashes")
def _(site: Site, mark: str) -> list[Planted]:
    image = site.labelled(**{MARK: mark})
    (site.folder() / "deep").mkdir()
    (site.folder() / image["file_name"]).rename(site.folder() / "deep" / image["file_name"])
    image["file_name"] = f"deep\\{image['file_name']}"
    return [Planted("misspelt file name", site.instances(), mark)]


@plants("path outside/relative")
def _(site: Site, mark: str) -> list[Planted]:
    image = site.labelled(**{MARK: mark})
    (site.folder() / image["file_name"]).rename(site.root.parent / "other.png")
    image["file_name"] = "../../../other.png"
    return [Planted("path outside", site.instances(), mark)]


@plants("path outside/absolute")
def _(site: Site, mark: str) -> list[Planted]:
    image = site.labelled(**{MARK: mark})
    image["file_name"] = str(site.folder() / image["file_name"])
    return [Planted("path outside", site.instances(), mark)]


@plants("unlisted pictures")
def _(site: Site, mark: str) -> list[Planted]:
    site.noise().save(site.folder("val") / "spare.png")
    return [Planted("unlisted pictures", site.folder("val"))]


@plants("picture listed twice")
def _(site: Site, mark: str) -> list[Planted]:
    image = site.labelled()
    site.count += 1
    again = image | {"id": site.count, MARK: mark}
    site.documents["train"]["images"].append(again)
    site.box(again)
    return [Planted("picture listed twice", site.instances(), mark)]


@plants("duplicate picture")
def _(site: Site, mark: str) -> list[Planted]:
    first = site.folder() / site.labelled()["file_name"]
    site.labelled(content=first.read_bytes(), **{MARK: mark})
    return [Planted("duplicate picture", site.instances(), mark)]


@plants("leak")
def _(site: Site, mark: str) -> list[Planted]:
    seen = site.folder("val") / site.labelled("val")["file_name"]
    site.labelled(content=seen.read_bytes(), **{MARK: mark})
    return [Planted("leak", site.instances(), mark)]


@plants("identity twice")
def _(site: Site, mark: str) -> list[Planted]:
    image = site.picture()
    site.box(image, identity=70_001)
    site.box(image, identity=70_001, bbox=[9, 9, 9, 9], **{MARK: mark})
    return [Planted("identity twice", site.instances(), mark)]


@plants("identity changes class")
def _(site: Site, mark: str) -> list[Planted]:
    for more in ({}, {}, {"category_id": 2, MARK: mark}):
        site.box(site.picture(), identity=70_002, **more)
    return [Planted("identity changes class", site.instances(), mark)]


@plants("unlabelled picture")
def _(site: Site, mark: str) -> list[Planted]:
    site.picture(**{MARK: mark})
    return [Planted("unlabelled picture", site.instances(), mark)]


@plants("classes differ")
def _(site: Site, mark: str) -> list[Planted]:
    site.split("other")
    site.documents["other"]["categories"][1]["name"] = "wolf"
    image = site.labelled("other")
    site.box(image, "other", category_id=2)
    return [Planted("classes differ", site.instances("other"))]


@plants("no labels")
def _(site: Site, mark: str) -> list[Planted]:
    site.split("bare")
    site.picture("bare")
    return [Planted("no labels", site.instances("bare"))]


@plants("duplicate key")
def _(site: Site, mark: str) -> list[Planted]:
    site.box(site.labelled(), bbox=[9, 9, 9, 9], **{MARK: mark})
    path = site.instances()

    def spoil() -> None:
        path.write_text(path.read_text().replace(f'"{mark}"', f'"{mark}", "iscrowd": 0, "iscrowd": 1'))

    site.spoilers.append(spoil)
    return [Planted("duplicate key", path, mark)]


@plants("byte order mark")
def _(site: Site, mark: str) -> list[Planted]:
    path = site.captions("val")
    site.spoilers.append(lambda: path.write_text(path.read_text(), encoding="utf-8-sig"))  # type: ignore[arg-type, return-value]
    return [Planted("byte order mark", path, line=1)]


@plants("unusable annotations/cut short")
def _(site: Site, mark: str) -> list[Planted]:
    path = site.instances("cut")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{\n"images": [\n{"id": 1,\n')
    return [Planted("unusable annotations", path, line=4)]


@plants("unusable annotations/Latin-1")
def _(site: Site, mark: str) -> list[Planted]:
    path = site.instances("latin")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes('{\n"images": [],\n"categories": [{"id": 1, "name": "Kühe"}]}'.encode("latin-1"))
    return [Planted("unusable annotations", path, line=3)]


def fingerprint(root: Path) -> dict[str, bytes]:
    """Every file under `root` with its content."""
    return {
        os.path.relpath(Path(at, name), root): Path(at, name).read_bytes()
        for at, _, names in os.walk(root)
        for name in names
    }
