"""MOTChallenge text (arXiv 1603.00831, section 4): a line an object and frame, in a file a sequence.

    frame,id,x,y,width,height,flag,class,visibility

x and y count from 1. Flag 0 marks what is not to be scored: a crowd region here, without identity. The class may be
missing or -1, which is the first; visibility is not used. Ids become unique over all sequences of the data set.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unified.data.annotations import Strings, Videos
from unified.data.fields import Fault
from unified.data.paths import listing
from unified.data.readers.draft import Draft
from unified.data.readers.layout import Format, Parsed
from unified.data.readers.mot_layouts import GT, LABELS, Sequence, find_sequences
from unified.data.readers.pictures import pictures_in
from unified.data.readers.text import cut, finite, lines_of, read_classes, whole
from unified.errors import DataError

# Table 3 of arXiv 1603.00831 and, for the last, arXiv 2003.09003.
NAMES = (
    *("pedestrian", "person on vehicle", "car", "bicycle", "motorbike", "non-motorised vehicle", "static person"),
    *("distractor", "occluder", "occluder on the ground", "occluder full", "reflection", "crowd"),
)
_ORIGIN = 1.0  # of x and y in the files
_LEAST, _MOST = 6, 10  # columns
_FORM = "a line is frame,id,x,y,width,height,flag,class,visibility"


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    frame: int
    track: int
    box: tuple[float, float, float, float]  # x1 y1 x2 y2 from 0
    counted: bool
    category: int  # from 1
    text: str


@dataclass(frozen=True, slots=True)
class MotLayout:
    """One split of a MOTChallenge data set."""

    root: Path
    split: str
    sequences: tuple[Sequence, ...]
    all_sequences: tuple[Sequence, ...]  # of every split: their classes and ids are needed, too

    @property
    def name(self) -> str:
        return "MOT, cut in time" if self.sequences[0].cut else "MOT"

    @property
    def source(self) -> Path:
        return self.sequences[0].gt if len(self.sequences) == 1 else self.root

    def parse(self) -> Parsed:
        names = _names(self.root, self.all_sequences)
        read = {sequence.gt: _read(sequence.gt, names) for sequence in self.all_sequences}
        frames = {sequence: _frames(sequence, read[sequence.gt][0]) for sequence in self.sequences}
        draft = Draft(self.root, [path for numbered in frames.values() for _, path in sorted(numbered.items())])
        place = {path: i for i, path in enumerate(draft.paths)}
        classes = self._classes(line for lines, _ in read.values() for line in lines)
        identify = _Identities({s: [line.track for line in read[s.gt][0] if line.counted] for s in self.all_sequences})
        ignored = 0
        for sequence, numbered in frames.items():
            lines, faults = read[sequence.gt]
            for number, fault in faults:
                draft.fault(sequence.gt, fault, number)
            for line in lines:
                if line.frame not in numbered:
                    held = f"{sequence.frames}, which holds {listing(sequence.frames)}"
                    fault = Fault("missing picture", f"frame {line.frame} is not in {held}")
                    draft.fault(sequence.gt, fault, line.number)
                elif (i := place.get(numbered[line.frame])) is not None:
                    ignored += not line.counted
                    draft.add(
                        *(i, line.box, classes.get(line.category, 0)),
                        file=sequence.gt,
                        line=line.number,
                        got=f"box {line.text}",
                        identity=identify(sequence, line.track) if line.counted else -1,
                        crowd=not line.counted,
                    )
        if ignored:
            text = f"{ignored} objects with flag 0 are regions to be ignored"
            draft.fault(self.source, Fault("ignored objects", text), severity="note")
        known = {path: (sequence, number) for sequence in frames for number, path in frames[sequence].items()}
        order = [known[path] for path in draft.paths]
        videos = Videos(
            Strings(sequence.name for sequence, _ in order), np.array([number for _, number in order], dtype=np.int64)
        )
        return draft.finish(
            [names[number - 1] for number in classes],
            [sequence.gt for sequence, _ in order],
            category_ids=list(classes),
            videos=videos,
        )

    def _classes(self, lines: Iterable[_Line]) -> dict[int, int]:
        """{number: index} of the classes: all of a list, or else those with lines that count.

        Objects of other classes count as the first where they are to be ignored: they are what looks like it.
        """
        if (file := _label_file(self.root, self.all_sequences)) is not None:
            return {number: k for k, number in enumerate(range(1, len(read_classes(file)) + 1))}
        lines = list(lines)
        counted = {line.category for line in lines if line.counted} or {line.category for line in lines}
        return {number: k for k, number in enumerate(sorted(counted))}


class _Identities:
    """Sequences count their objects anew: where two share an id, each gets a range of its own."""

    def __init__(self, tracks: dict[Sequence, list[int]]) -> None:
        by_name: dict[str, set[int]] = {}
        for sequence, ids in tracks.items():
            by_name.setdefault(sequence.name, set()).update(ids)
        shared = len(set().union(*by_name.values())) < sum(map(len, by_name.values()))
        largest = max((track for ids in by_name.values() for track in ids), default=0)
        self._range = 10 ** len(str(largest)) if shared else 0
        self._order = {name: k for k, name in enumerate(sorted(by_name))}

    def __call__(self, sequence: Sequence, track: int) -> int:
        return self._order[sequence.name] * self._range + track


def _names(root: Path, sequences: Iterable[Sequence]) -> list[str]:
    file = _label_file(root, sequences)
    return list(NAMES) if file is None else read_classes(file)


def _label_file(root: Path, sequences: Iterable[Sequence]) -> Path | None:
    """The list of classes. Raises DataError where sequences have different ones."""
    files = [path for path in (root / LABELS, *(s.gt.with_name(LABELS) for s in sequences)) if path.is_file()]
    for path in files[1:]:
        if path != files[0] and read_classes(path) != read_classes(files[0]):
            raise DataError(f"{path}: other classes than in {files[0]}; allowed: the same list in every sequence.")
    return files[0] if files else None


def _frames(sequence: Sequence, lines: list[_Line]) -> dict[int, Path]:
    """{frame number: picture}."""
    found = {int(path.stem): path for path in pictures_in(sequence.frames) if path.stem.isdecimal()}
    if not found:
        raise DataError(
            f"{sequence.gt}: no frames in {sequence.frames}, which holds {listing(sequence.frames)}; a frame's name is "
            "its number: 000001.jpg."
        )
    if sequence.cut and lines:
        first, last = min(line.frame for line in lines), max(line.frame for line in lines)
        found = {number: path for number, path in found.items() if first <= number <= last}
    return found


def _read(path: Path, names: list[str]) -> tuple[list[_Line], list[tuple[int, Fault]]]:
    """The lines of a file, and what is wrong with the others."""
    lines: list[_Line] = []
    faults: list[tuple[int, Fault]] = []
    seen: dict[tuple[int, int], int] = {}
    for number, text in lines_of(path, "file of tracks"):
        try:
            line = _parse(number, text, names)
            if line.counted and (first := seen.setdefault((line.frame, line.track), number)) != number:
                raise Fault("identity twice", f"id {line.track} is in frame {line.frame} on line {first}, too")
            lines.append(line)
        except Fault as fault:
            faults.append((number, fault))
    return lines, faults


def _parse(number: int, text: str, names: list[str]) -> _Line:
    words = [word.strip() for word in text.rstrip(",").split(",")]
    if not _LEAST <= len(words) <= _MOST:
        raise Fault("wrong columns", f"{len(words)} values in {cut(text)!r}; {_FORM}, at least the first {_LEAST}")
    frame, track = whole(words[0], "frame", least=0), whole(words[1], "id", least=0)
    x, y, w, h = (finite(word, what) for word, what in zip(words[2:6], ("x", "y", "width", "height"), strict=True))
    if w <= 0 or h <= 0:
        kind = "negative box" if w < 0 or h < 0 else "zero-size box"
        raise Fault(kind, f"width and height are {words[4]} and {words[5]}; allowed: above 0")
    counted = len(words) < 7 or finite(words[6], "flag") != 0
    category = whole(words[7], "class", least=-1) if len(words) > 7 else -1
    if category > len(names):
        raise Fault("unknown category", f"class is {category}; there are {len(names)}: {', '.join(names[:5])} …")
    x, y = x - _ORIGIN, y - _ORIGIN
    return _Line(number, frame, track, (x, y, x + w, y + h), counted, max(category, 1), " ".join(words[2:6]))


def _find(root: Path) -> list[MotLayout]:
    found = find_sequences(root)
    everything = tuple(sequence for sequences in found.values() for sequence in sequences)
    return [MotLayout(root, split, tuple(sequences), everything) for split, sequences in sorted(found.items())]


def _looked_for(split: str) -> list[str]:
    return [f"{split}/*/{GT}", f"gt/*_{split}.txt"]


MOT = Format("mot", 1, _find, _looked_for)
