"""YOLO text: a file a picture, a line an object, `class x y w h`: centre and size as shares of the picture.

A picture without a file, or with an empty one, is one without objects. Longer lines are polygons, `class x1 y1 x2 …`:
they become the boxes around them; with `kpt_shape` in the data.yaml they are boxes with keypoints, which are left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from unified.data.fields import Fault
from unified.data.paths import listing, missing
from unified.data.readers.boxes import Corners
from unified.data.readers.draft import Draft
from unified.data.readers.layout import Format, Parsed
from unified.data.readers.pictures import pictures_in
from unified.data.readers.text import cut, finite, lines_of, whole
from unified.data.readers.yolo_layouts import CLASS_FILES, Description, describe
from unified.errors import DataError

_FORM = "a line is `class x y w h`, or `class x1 y1 x2 y2 x3 y3 …` for a polygon"
_DIGITS = 6  # of a pixel
_SLACK = 0.01  # share of the picture by which tools' rounding may leave it


@dataclass(frozen=True, slots=True)
class YoloLayout:
    """One split of a YOLO data set."""

    root: Path
    split: str
    description: Description

    @property
    def name(self) -> str:
        return "YOLO"

    @property
    def source(self) -> Path:
        return self.description.file

    def parse(self) -> Parsed:
        description = self.description
        folders, pictures, findings = self._pictures()
        draft = Draft(self.root, pictures)
        for file, fault, line in findings:
            draft.fault(file, fault, line)
        if description.lost:
            text = f"path is {description.lost!r}, which is not there; the folder of the file was taken"
            draft.fault(description.file, Fault("path not there", text), severity="note")
        labels = [self._labels_of(path) for path in draft.paths]
        there = [path.is_file() for path in labels]
        if not any(there):
            raise DataError(
                f"{description.file}: split {self.split!r} has {len(labels)} usable pictures and not one label file. "
                f"Looked for, among others: {labels[0] if labels else 'nothing'}."
            )
        reader = _Rows(draft, description)
        for i, path in enumerate(labels):
            if there[i]:
                reader.read(i, path)
        reader.say()
        self._orphans(draft, folders, pictures)
        names = description.names
        return draft.finish(list(names.values()), labels, category_ids=list(names))

    def _pictures(self) -> tuple[list[Path], list[Path], list[tuple[Path, Fault, int]]]:
        """The folders of the split, its pictures, and what is wrong with lists of pictures."""
        folders: list[Path] = []
        pictures: list[Path] = []
        faults: list[tuple[Path, Fault, int]] = []
        for value in self.description.splits[self.split]:
            place = self._find(value)
            if place.is_dir():
                folders.append(place)
                pictures += pictures_in(place)
                continue
            for number, line in lines_of(place, "list of pictures"):
                # Lists made by darknet's users are relative to the list, others to the data set.
                path = place.parent / line if line.startswith("./") else self.description.base / line
                if path.is_file():
                    pictures.append(path)
                else:
                    faults.append((place, Fault("missing picture", f"{cut(line)}: no such picture"), number))
        if not pictures:
            places = ", ".join(map(str, folders)) or self.description.splits[self.split]
            raise DataError(f"{self.description.file}: split {self.split!r} has no pictures in {places}.")
        return folders, pictures, faults

    def _find(self, value: str) -> Path:
        base = self.description.base
        # Roboflow writes ../train/images for a folder beside the file, which other tools read that way, too.
        for place in (base / value, base / value.removeprefix("../")):
            if place.exists():
                return place
        fault = missing(base / value, "folder or list of pictures")
        raise DataError(f"{self.description.file}: {self.split} is {value!r}. {fault}") from fault

    def _labels_of(self, picture: Path) -> Path:
        """…/images/a.jpg → …/labels/a.txt; beside the picture where no folder is called images."""
        base = self.description.base
        inside = picture.relative_to(base) if picture.is_relative_to(base) else picture
        parts = list(inside.parts)
        if "images" in parts[:-1]:
            parts[len(parts) - 2 - parts[-2::-1].index("images")] = "labels"
        return (base / Path(*parts)).with_suffix(".txt")

    def _orphans(self, draft: Draft, folders: list[Path], pictures: list[Path]) -> None:
        """Label files whose picture is gone."""
        wanted = {self._labels_of(path) for path in pictures}
        for folder in folders:
            labels = self._labels_of(folder / "x").parent
            if labels == folder:
                continue  # among pictures a text may be anything
            for file in sorted(_texts(labels)):
                if file not in wanted and file.name != "classes.txt":
                    text = f"no picture of that name in {folder}, which holds {listing(folder)}"
                    draft.fault(file, Fault("missing picture", text))


class _Rows:
    """Reads the label files of a split into its draft."""

    def __init__(self, draft: Draft, description: Description) -> None:
        self._draft = draft
        self._description = description
        self._index = {number: k for k, number in enumerate(description.names)}
        self._polygons = self._keypoints = 0

    def read(self, picture: int, path: Path) -> None:
        try:
            lines = lines_of(path, "label file")
        except DataError as fault:
            self._draft.fault(path, Fault("unusable label file", str(fault).removeprefix(f"{path}: ")))
            return
        for number, line in lines:
            try:
                self._add(picture, path, number, line)
            except Fault as fault:
                self._draft.fault(path, fault, number)

    def say(self) -> None:
        """What the lines held that is not kept."""
        said = {
            "polygons": (self._polygons, "polygons were turned into the boxes around them"),
            "keypoints": (self._keypoints, "lines have keypoints, which are left out"),
        }
        for kind, (count, text) in said.items():
            if count:
                self._draft.fault(self._description.file, Fault(kind, f"{count} {text}"), severity="note")

    def _add(self, picture: int, path: Path, line: int, text: str) -> None:
        words = text.split()
        names = self._description.names
        number = whole(words[0], "class")
        if number not in self._index:
            some = ", ".join(f"{k} {name}" for k, name in list(names.items())[:5]) + (", …" if len(names) > 5 else "")
            at = self._description.file.name
            raise Fault("unknown category", f"class is {number}; {at} names {len(names)}: {some}")
        values = [finite(word, f"value {i}") for i, word in enumerate(words[1:], 2)]
        if self._description.keypoints and len(values) > 4:
            self._keypoints += 1
            values = values[:4]
        size = self._draft.sizes[picture]
        if len(values) == 4:
            box = _box(values, words, size)
            got = f"box {' '.join(words[1:5])}"
            self._draft.add(picture, box, self._index[number], file=path, line=line, got=got)
        elif len(values) >= 6 and len(values) % 2 == 0:
            box, area = _around(values, words, size)
            self._polygons += 1
            self._draft.add(picture, box, self._index[number], file=path, line=line, got="polygon", area=area)
        else:
            raise Fault("wrong columns", f"{len(words)} values in {cut(text)!r}; {_FORM}")


def _box(values: list[float], words: list[str], size: tuple[int, int]) -> Corners:
    """Shares x y w h → pixels. Raises Fault."""
    (x, y, w, h), (width, height) = values, size
    corners = (x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height
    # A file of ten digits then gives back the very pixels that it was made of.
    x1, y1, x2, y2 = (round(corner, _DIGITS) for corner in corners)
    if x2 <= x1 or y2 <= y1:
        kind = "negative box" if w < 0 or h < 0 else "zero-size box"
        raise Fault(kind, f"w and h are {words[3]} and {words[4]}; allowed: above 0")
    _refuse_pixels(values, words)
    return x1, y1, x2, y2


def _around(values: list[float], words: list[str], size: tuple[int, int]) -> tuple[Corners, float]:
    """The box around a polygon of shares x1 y1 x2 y2 …, in pixels, and the polygon's own area. Raises Fault."""
    _refuse_pixels(values, words)
    xs, ys = [x * size[0] for x in values[::2]], [y * size[1] for y in values[1::2]]
    box = min(xs), min(ys), max(xs), max(ys)
    if box[0] == box[2] or box[1] == box[3]:
        raise Fault("zero-size box", f"the polygon {cut(' '.join(words))} has no area; allowed: three corners or more")
    return box, _polygon_area(xs, ys)


def _refuse_pixels(values: list[float], words: list[str]) -> None:
    for value, word in zip(values, words[1:], strict=False):
        if not -_SLACK <= value <= 1 + _SLACK:
            raise Fault("not a share", f"{word} is not in 0 to 1; allowed: shares of the picture's width and height")


def _polygon_area(xs: list[float], ys: list[float]) -> float:
    """By the shoelace formula."""
    pairs = zip(xs, ys, [*xs[1:], xs[0]], [*ys[1:], ys[0]], strict=True)
    return abs(sum(x * v - u * y for x, y, u, v in pairs)) / 2


def _texts(folder: Path) -> Iterator[Path]:
    for at, _, names in os.walk(folder):
        yield from (Path(at, name) for name in names if name.endswith(".txt"))


def _find_splits(root: Path) -> list[YoloLayout]:
    description = describe(root)
    if description is None:
        return []
    optional = "test"  # is often named by files whose author kept it
    kept = [
        split
        for split, places in description.splits.items()
        if split != optional or any((description.base / place).exists() for place in places)
    ]
    return [YoloLayout(root, split, description) for split in kept]


def _looked_for(split: str) -> list[str]:
    return ["data.yaml", *(f"{name} with images/{split} and labels/{split}" for name in CLASS_FILES[:1])]


YOLO = Format("yolo", 1, _find_splits, _looked_for)
