"""The lists of a COCO file, entry by entry: what is usable is kept, what is wrong is noted with its place."""

from __future__ import annotations

from collections.abc import Callable, Container
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from unified.data import fields
from unified.data.annotations import Captions, Rows, Strings
from unified.data.fields import Entry, Fault
from unified.data.findings import Finding, Severity
from unified.data.readers.boxes import Row, clip, pack
from unified.data.readers.json_lines import EntryLines

ImageId = int | str
_Value = TypeVar("_Value")


class Picture(NamedTuple):
    """An entry of the list of pictures; `video` and `frame` are what stands there, unchecked."""

    file: str
    size: tuple[int, int]  # width, height
    video: Any
    frame: Any


Pictures = dict[ImageId, Picture]


class _Spot(NamedTuple):
    """An entry of a list, for messages."""

    name: str
    number: int
    entry: Any = None


class EntryReader:
    """Reads the lists of the file `path`; `findings` grows as they are read.

    `picture_entries` and `caption_entries` say which entry of its list each picture and each sentence is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines = EntryLines(path)
        self.findings: list[Finding] = []
        self.picture_entries: list[int] = []
        self.caption_entries: list[int] = []

    def categories(self, entries: list[Any]) -> dict[int, str]:
        """{category id: name}, ids rising."""
        found: dict[int, str] = {}
        for i, entry in enumerate(entries):
            values = self._values(
                _Spot("categories", i, entry),
                lambda e: _fresh(fields.whole(e, "id"), found, "category id"),
                lambda e: fields.text(e, "name"),
            )
            if values is not None:
                found[values[0]] = values[1]
        names = list(found.values())
        for name in sorted({name for name in names if names.count(name) > 1}):
            fault = Fault("duplicate category name", f"{name!r} names {names.count(name)} categories")
            self._add(None, fault, "note")
        return dict(sorted(found.items()))

    def pictures(self, entries: list[Any]) -> Pictures:
        """In the order of the file."""
        found: Pictures = {}
        for i, entry in enumerate(entries):
            values = self._values(
                _Spot("images", i, entry),
                lambda e: _fresh(fields.identifier(e, "id"), found, "image id"),
                lambda e: fields.text(e, "file_name"),
                lambda e: fields.whole(e, "width", least=1),
                lambda e: fields.whole(e, "height", least=1),
            )
            if values is not None:
                size = values[2], values[3]
                found[values[0]] = Picture(values[1], size, entry.get("video"), entry.get("frame_id"))
                self.picture_entries.append(i)
        return found

    def objects(
        self, entries: list[Any], pictures: Pictures, categories: dict[int, str]
    ) -> tuple[NDArray[np.int64], Rows, NDArray[np.int64]]:
        """Offsets by picture, the rows and their entries. Boxes are clipped; one outside of its picture is a fault."""
        order = {image_id: i for i, image_id in enumerate(pictures)}
        class_of = {category_id: k for k, category_id in enumerate(categories)}
        found: list[Row] = []
        seen: set[ImageId] = set()
        for i, entry in enumerate(entries):
            values = self._values(
                _Spot("annotations", i, entry),
                lambda e: _unseen(fields.identifier(e, "id"), seen) if "id" in e else None,
                lambda e: _known(fields.identifier(e, "image_id"), pictures, "picture", "image_id"),
                lambda e: _known(fields.whole(e, "category_id"), categories, "category", "category_id"),
                fields.box,
                _crowd,
                _identity,
                lambda e: fields.number(e, "area") if "area" in e else None,
            )
            if values is None:
                continue
            _, image_id, category_id, box, crowd, identity, area = values
            x, y, w, h = box
            try:
                got = f"bbox [{x:g}, {y:g}, {w:g}, {h:g}]"
                corners, note = clip((x, y, x + w, y + h), pictures[image_id].size, got)
            except Fault as fault:
                self._add(_Spot("annotations", i, entry), fault)
                continue
            if note is not None:
                self._add(_Spot("annotations", i, entry), note, "note")
            found.append(Row(order[image_id], corners, class_of[category_id], i, identity, crowd, area))
        return pack(found, len(pictures))

    def captions(self, entries: list[Any], pictures: Pictures) -> Captions:
        """The captions of a caption file, white space made single."""
        found: dict[ImageId, list[tuple[str, int]]] = {image_id: [] for image_id in pictures}
        for i, entry in enumerate(entries):
            values = self._values(
                _Spot("annotations", i, entry),
                lambda e: _known(fields.identifier(e, "image_id"), pictures, "picture", "image_id"),
                _sentence,
            )
            if values is not None:
                found[values[0]].append((values[1], i))
        offsets = np.cumsum([0, *map(len, found.values())], dtype=np.int64)
        captions = [caption for several in found.values() for caption in several]
        self.caption_entries = [i for _, i in captions]
        return Captions(offsets, Strings(sentence for sentence, _ in captions))

    def _values(self, spot: _Spot, *checks: Callable[[Entry], Any]) -> list[Any] | None:
        """What each check makes of the entry; None, with every fault noted, if one of them fails."""
        if not isinstance(spot.entry, dict):
            self._add(spot, Fault("wrong type", f"is {fields.show(spot.entry)}; allowed: an object"))
            return None
        values, sound = [], True
        for check in checks:
            try:
                values.append(check(spot.entry))
            except Fault as fault:
                sound = False
                self._add(spot, fault)
        return values if sound else None

    def _add(self, spot: _Spot | None, fault: Fault, severity: Severity = "error") -> None:
        where, line = ("categories", None) if spot is None else place(spot.name, spot.number, self._lines)
        if spot is not None and isinstance(spot.entry, dict) and "id" in spot.entry:
            where = f"{where} (id {fields.show(spot.entry['id'])})"
        self.findings.append(Finding(fault.kind, str(self.path), where, fault.message, severity, line))


def place(name: str, number: int, lines: EntryLines) -> tuple[str, int | None]:
    """How messages call an entry, and its line."""
    return f"{name}[{number}]", lines(name, number)


def _fresh(value: _Value, seen: Container[_Value], what: str) -> _Value:
    if value in seen:
        raise Fault(f"duplicate {what}", f"{what} {value!r} is taken by an earlier entry; each may be used once")
    return value


def _unseen(value: ImageId, seen: set[ImageId]) -> None:
    _fresh(value, seen, "annotation id")
    seen.add(value)


def _known(value: ImageId, known: dict[Any, Any], what: str, key: str) -> ImageId:
    if value not in known:
        some = ", ".join(map(repr, islice(known, 5))) + (", …" if len(known) > 5 else "")
        raise Fault(f"unknown {what}", f"{key} is {value!r}; the file defines {len(known)}: {some}")
    return value


def _sentence(entry: Entry) -> str:
    value = fields.present(entry, "caption")
    if isinstance(value, str) and not value.strip():
        raise Fault("empty caption", f"caption is {fields.show(value)}; allowed: text that is not blank")
    return " ".join(fields.text(entry, "caption").split())


def _crowd(entry: Entry) -> bool:
    value = entry.get("iscrowd", 0)
    if value not in (0, 1):
        raise Fault("wrong type", f"iscrowd is {fields.show(value)}; allowed: 0 or 1")
    return bool(value)


def _identity(entry: Entry) -> int:
    key = fields.identity_key(entry)
    return max(fields.whole(entry, key), -1) if entry.get(key) is not None else -1
