"""Faults planted into small data sets of the text formats, each with the place where it must be found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (32, 24)
Place = tuple[str, str, int | None]  # kind, file, line


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = [*path.name.encode(), len(path.parent.name)]
    noise = np.random.default_rng(seed).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def yolo(root: Path, more: str = "", description: str = "") -> tuple[Path, Path]:
    """Two splits; the label file of the first picture, with `more` at its end, and the data.yaml."""
    for split, count in (("train", 2), ("val", 1)):
        for i in range(count):
            picture(root / f"images/{split}/{i}{split}.png")
            write(root / f"labels/{split}/{i}{split}.txt", "0 0.5 0.5 0.4 0.4\n1 0.3 0.4 0.3 0.3\n")
    labels = root / "labels/train/0train.txt"
    labels.write_text(labels.read_text() + more)
    text = f"{description}train: images/train\nval: images/val\nnames: [cat, dog]\n"
    return labels, write(root / "data.yaml", text)


def voc(root: Path, more: str = "", size: str = "32 24", listed: str = "") -> Path:
    """Two splits; the XML of the first picture, with `more` in it on line 5."""
    width, height = size.split()
    for name in ("a", "b", "c"):
        picture(root / f"JPEGImages/{name}.png")
        w, h = (width, height) if name == "a" else (SIZE[0], SIZE[1])
        box = "<bndbox><xmin>3</xmin><ymin>4</ymin><xmax>12</xmax><ymax>13</ymax></bndbox>"
        lines = [
            "<annotation>",
            f"<filename>{name}.png</filename>",
            f"<size><width>{w}</width><height>{h}</height></size>",
            f"<object><name>cat</name>{box}</object>",
            more if name == "a" else "",
            "</annotation>",
        ]
        write(root / f"Annotations/{name}.xml", "\n".join(lines))
    write(root / "ImageSets/Main/train.txt", f"a\nb\n{listed}")
    write(root / "ImageSets/Main/val.txt", "c\n")
    return root / "Annotations/a.xml"


def mot(root: Path, more: str = "") -> Path:
    """One sequence of two frames; `more` is line 3 of its tracks."""
    for i in (1, 2):
        picture(root / f"train/street/img1/{i:06d}.png")
    lines = ["1,1,4,5,10,9,1,1,1", "2,1,5,5,10,9,1,1,1"]
    return write(root / "train/street/gt/gt.txt", "\n".join([*lines, more]))


def table(root: Path, more: str = "", *, tags: bool = False) -> Path:
    """A table of boxes or of tags; `more` is line 4."""
    for i in (1, 2, 3):
        picture(root / f"images/{i}.png")
    head, rows = "file,xmin,ymin,xmax,ymax,label", ("images/1.png,3,4,12,13,cat", "images/2.png,5,5,14,15,dog")
    if tags:
        head, rows = "file,cat,dog", ("images/1.png,1,0", "images/2.png,0,1")
    more = more or ("images/3.png,1,1" if tags else "images/3.png,4,4,14,14,cat")
    return write(root / "train.csv", "\n".join([head, *rows, more]))


def _yolo(kind: str, line: str) -> Callable[[Path], Place]:
    return lambda root: (kind, str(yolo(root, line + "\n")[0]), 3)


def _voc(kind: str, inside: str) -> Callable[[Path], Place]:
    return lambda root: (kind, str(voc(root, inside)), 5)


def _mot(kind: str, line: str) -> Callable[[Path], Place]:
    return lambda root: (kind, str(mot(root, line)), 3)


def _table(kind: str, line: str) -> Callable[[Path], Place]:
    return lambda root: (kind, str(table(root, f"{line}\nimages/3.png,4,4,14,14,cat")), 4)


def _keypoints(root: Path) -> Place:
    return "keypoints", str(yolo(root, "0 0.5 0.5 0.3 0.2 0.5 0.5 2\n", "kpt_shape: [1, 3]\n")[1]), None


def _not_text(root: Path) -> Place:
    labels, _ = yolo(root)
    labels.write_bytes("0 0.5 0.5 0.4 0.4 # Kühe".encode("latin-1"))
    return "unusable label file", str(labels), None


def _orphan(root: Path) -> Place:
    yolo(root)
    return "missing picture", str(write(root / "labels/train/gone.txt", "0 0.5 0.5 0.4 0.4\n")), None


def _empty_picture(root: Path) -> Place:
    yolo(root)
    path = root / "images/train/0train.png"
    path.write_bytes(b"")
    return "empty picture", str(path), None


def _damaged(root: Path) -> Place:
    yolo(root)
    path = root / "images/train/0train.png"
    path.write_bytes(path.read_bytes()[:-500])
    return "damaged picture", str(path), None


def _leak(root: Path) -> Place:
    yolo(root)
    path = root / "images/train/0train.png"
    path.write_bytes((root / "images/val/0val.png").read_bytes())
    return "leak", str(path), None


def _broken_xml(root: Path) -> Place:
    return "unusable label file", str(voc(root, "<object><name>cat</object>")), 5


def _unlisted_xml(root: Path) -> Place:
    voc(root, listed="nowhere\n")
    return "missing label file", str(root / "ImageSets/Main/train.txt"), 3


def _wrong_size(root: Path) -> Place:
    return "size mismatch", str(voc(root, size="40 30")), 3


def _ignored(root: Path) -> Place:
    return "ignored objects", str(mot(root, "2,2,9,9,9,9,0,1,1")), None


def _unknown_tags(root: Path) -> Place:
    return "unknown tags", str(table(root, "images/3.png,1,-1", tags=True)), None


_BOX = "<bndbox><xmin>{}</xmin><ymin>4</ymin><xmax>{}</xmax><ymax>13</ymax></bndbox>"

PLANTINGS: dict[str, Callable[[Path], Place]] = {
    "yolo: too many columns": _yolo("wrong columns", "0 0.5 0.5 0.4 0.4 0.9"),
    "yolo: pixels": _yolo("not a share", "0 16 12 10 8"),
    "yolo: class outside names": _yolo("unknown category", "2 0.5 0.5 0.2 0.2"),
    "yolo: NaN": _yolo("non-finite number", "0 nan 0.5 0.2 0.2"),
    "yolo: word": _yolo("bad value", "cat 0.5 0.5 0.2 0.2"),
    "yolo: no size": _yolo("zero-size box", "0 0.5 0.5 0 0.2"),
    "yolo: negative": _yolo("negative box", "0 0.5 0.5 -0.1 0.2"),
    "yolo: reaching out": _yolo("box clipped", "0 0.9 0.5 0.5 0.2"),
    "yolo: twice": _yolo("duplicate box", "0 0.5 0.5 0.4 0.4"),
    "yolo: polygon": lambda root: ("polygons", str(yolo(root, "0 0.1 0.1 0.6 0.1 0.6 0.7\n")[1]), None),
    "yolo: keypoints": _keypoints,
    "yolo: path": lambda root: ("path not there", str(yolo(root, description="path: /nowhere/at/all\n")[1]), None),
    "yolo: not text": _not_text,
    "yolo: labels without picture": _orphan,
    "yolo: empty picture": _empty_picture,
    "yolo: damaged picture": _damaged,
    "yolo: leak": _leak,
    "voc: no box": _voc("missing value", "<object><name>cat</name></object>"),
    "voc: no name": _voc("missing value", f"<object>{_BOX.format(3, 12)}</object>"),
    "voc: swapped": _voc("negative box", f"<object><name>cat</name>{_BOX.format(12, 3)}</object>"),
    "voc: outside": _voc("box outside", f"<object><name>cat</name>{_BOX.format(60, 70)}</object>"),
    "voc: difficult": lambda root: (
        "difficult objects",
        str(voc(root, f"<object><name>cat</name><difficult>1</difficult>{_BOX.format(9, 20)}</object>").parent),
        None,
    ),
    "voc: malformed": _broken_xml,
    "voc: listed in vain": _unlisted_xml,
    "voc: other size": _wrong_size,
    "mot: identity twice": _mot("identity twice", "2,1,15,5,10,9,1,1,1"),
    "mot: columns": _mot("wrong columns", "2,2,9"),
    "mot: no such frame": _mot("missing picture", "9,1,5,5,10,9,1,1,1"),
    "mot: unknown class": _mot("unknown category", "2,2,9,9,9,9,1,77,1"),
    "mot: ignored": _ignored,
    "csv: columns": _table("wrong columns", "images/3.png,1,2,3"),
    "csv: no such picture": _table("missing picture", "images/9.png,1,2,13,14,cat"),
    "csv: no class": _table("missing value", "images/3.png,1,2,13,14,"),
    "csv: word": _table("bad value", "images/3.png,x,2,13,14,cat"),
    "csv: outside": _table("box outside", "images/3.png,50,50,60,60,cat"),
    "csv: unknown": _unknown_tags,
}
CLEAN: dict[str, Callable[[Path], object]] = {"yolo": yolo, "voc": voc, "mot": mot, "csv": table}
