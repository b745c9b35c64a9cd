"""The lists of a COCO file, entry by entry: what is usable is kept, what is wrong is noted with its place."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from unified.data import fields
from unified.data.annotations import Captions, Rows, Strings
from unified.data.fields import Entry, Fault
from unified.data.findings import Finding

ROUNDING = 0.5  # pixels by which a box may leave its picture unmentioned

ImageId = int | str
Pictures = dict[ImageId, tuple[str, tuple[int, int]]]  # image id → file name, (width, height)
_Row = tuple[int, float, float, float, float, int, int, bool, float]  # picture, box, class, identity, crowd, area
_Value = TypeVar("_Value")


class EntryReader:
    """Reads the lists of the file `path`; `findings` grows as they are read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.findings: list[Finding] = []

    def categories(self, entries: list[Any]) -> dict[int, str]:
        """{category id: name}, ids rising."""
        found: dict[int, str] = {}
        for i, entry in enumerate(entries):
            values = self._values(
                *("categories", i, entry),
                lambda e: _fresh(fields.whole(e, "id"), found, "category id"),
                lambda e: fields.text(e, "name"),
            )
            if values is not None:
                found[values[0]] = values[1]
        names = list(found.values())
        for name in sorted({name for name in names if names.count(name) > 1}):
            fault = Fault("duplicate category name", f"{name!r} names {names.count(name)} categories")
            self._add("categories", fault, "note")
        return dict(sorted(found.items()))

    def pictures(self, entries: list[Any]) -> Pictures:
        """In the order of the file."""
        found: Pictures = {}
        for i, entry in enumerate(entries):
            values = self._values(
                *("images", i, entry),
                lambda e: _fresh(fields.identifier(e, "id"), found, "image id"),
                lambda e: fields.text(e, "file_name"),
                lambda e: fields.whole(e, "width", least=1),
                lambda e: fields.whole(e, "height", least=1),
            )
            if values is not None:
                found[values[0]] = values[1], (values[2], values[3])
        return found

    def objects(
        self, entries: list[Any], pictures: Pictures, categories: dict[int, str]
    ) -> tuple[NDArray[np.int64], Rows]:
        """Offsets by picture, and the rows. Boxes are clipped to their pictures; one wholly outside is a fault."""
        order = {image_id: i for i, image_id in enumerate(pictures)}
        class_of = {category_id: k for k, category_id in enumerate(categories)}
        found: list[_Row] = []
        seen: set[ImageId] = set()
        for i, entry in enumerate(entries):
            values = self._values(
                *("annotations", i, entry),
                lambda e: _unseen(fields.identifier(e, "id"), seen) if "id" in e else None,
                lambda e: _known(fields.identifier(e, "image_id"), pictures, "image_id"),
                lambda e: _known(fields.whole(e, "category_id"), categories, "category_id"),
                fields.box,
                _crowd,
                _identity,
                lambda e: fields.number(e, "area") if "area" in e else None,
            )
            if values is None:
                continue
            _, image_id, category_id, box, crowd, identity, area = values
            corners = self._clip(_where("annotations", i, entry), box, pictures[image_id][1])
            if corners is not None:
                x1, y1, x2, y2 = corners
                area = (x2 - x1) * (y2 - y1) if area is None else area
                found.append((order[image_id], x1, y1, x2, y2, class_of[category_id], identity, crowd, area))
        return _pack(found, len(pictures))

    def captions(self, entries: list[Any], pictures: Pictures) -> Captions:
        """The captions of a caption file, white space made single."""
        found: dict[ImageId, list[str]] = {image_id: [] for image_id in pictures}
        for i, entry in enumerate(entries):
            values = self._values(
                *("annotations", i, entry),
                lambda e: _known(fields.identifier(e, "image_id"), pictures, "image_id"),
                lambda e: " ".join(fields.text(e, "caption").split()),
            )
            if values is not None:
                found[values[0]].append(values[1])
        offsets = np.cumsum([0, *map(len, found.values())], dtype=np.int64)
        return Captions(offsets, Strings(caption for captions in found.values() for caption in captions))

    def _values(self, name: str, i: int, entry: Any, *checks: Callable[[Entry], Any]) -> list[Any] | None:
        """What each check makes of the entry; None, with every fault noted, if one of them fails."""
        if not isinstance(entry, dict):
            self._add(f"{name}[{i}]", Fault("wrong type of entry", f"is {fields.show(entry)}; allowed: an object"))
            return None
        values, sound = [], True
        for check in checks:
            try:
                values.append(check(entry))
            except Fault as fault:
                sound = False
                self._add(_where(name, i, entry), fault)
        return values if sound else None

    def _clip(
        self, where: str, box: Sequence[float], size: tuple[int, int]
    ) -> tuple[float, float, float, float] | None:
        (x, y, w, h), (width, height) = box, size
        x1, y1, x2, y2 = max(x, 0.0), max(y, 0.0), min(x + w, float(width)), min(y + h, float(height))
        got = f"bbox [{x:g}, {y:g}, {w:g}, {h:g}]"
        if x2 <= x1 or y2 <= y1:
            self._add(where, Fault("box outside", f"{got} lies wholly outside its picture of {width}x{height} pixels"))
            return None
        if max(x1 - x, y1 - y, x + w - x2, y + h - y2) > ROUNDING:
            self._add(where, Fault("box clipped", f"{got} was clipped to its picture of {width}x{height}"), "note")
        return x1, y1, x2, y2

    def _add(self, where: str, fault: Fault, severity: Literal["error", "note"] = "error") -> None:
        self.findings.append(Finding(fault.kind, str(self.path), where, fault.message, severity))


def _where(name: str, i: int, entry: Entry) -> str:
    return f"{name}[{i}] (id {fields.show(entry['id'])})" if "id" in entry else f"{name}[{i}]"


def _fresh(value: _Value, seen: Container[_Value], what: str) -> _Value:
    if value in seen:
        raise Fault(f"duplicate {what}", f"{what} {value!r} is taken by an earlier entry; each may be used once")
    return value


def _unseen(value: ImageId, seen: set[ImageId]) -> None:
    _fresh(value, seen, "annotation id")
    seen.add(value)


def _known(value: ImageId, known: dict[Any, Any], key: str) -> ImageId:
    if value not in known:
        some = ", ".join(map(repr, list(known)[:5])) + (", …" if len(known) > 5 else "")
        raise Fault(f"unknown {key}", f"{key} is {value!r}; the file defines {len(known)}: {some}")
    return value


def _crowd(entry: Entry) -> bool:
    value = entry.get("iscrowd", 0)
    if value not in (0, 1):
        raise Fault("wrong type of iscrowd", f"iscrowd is {fields.show(value)}; allowed: 0 or 1")
    return bool(value)


def _identity(entry: Entry) -> int:
    key = "identity" if "identity" in entry else "track_id"
    return max(fields.whole(entry, key), -1) if entry.get(key) is not None else -1


def _pack(found: list[_Row], pictures: int) -> tuple[NDArray[np.int64], Rows]:
    found.sort(key=lambda row: row[0])
    columns = list(zip(*found, strict=True)) or [()] * 9
    offsets = np.searchsorted(np.array(columns[0], dtype=np.int64), np.arange(pictures + 1))
    rows = Rows(
        boxes=np.array(columns[1:5], dtype=np.float64).reshape(4, -1).T.copy(),
        categories=np.array(columns[5], dtype=np.int64),
        identities=np.array(columns[6], dtype=np.int64),
        crowd=np.array(columns[7], dtype=np.bool_),
        area=np.array(columns[8], dtype=np.float64),
    )
    return offsets, rows
