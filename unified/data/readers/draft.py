"""A split as a reader gathers it, picture by picture and line by line, until it is whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from unified.data.annotations import Annotations, Strings, Tags, Videos
from unified.data.fields import Fault
from unified.data.findings import Finding, Severity
from unified.data.paths import relative as relative_path
from unified.data.picture import PictureFault
from unified.data.readers.boxes import Corners, Row, clip, pack
from unified.data.readers.layout import Origins, Parsed, Place, at_line
from unified.data.readers.pictures import measure
from unified.data.sample import Taxonomy


class Draft:
    """Pictures with their sizes, rows, and what is wrong. Pictures that cannot be read are left out, with a finding."""

    def __init__(self, root: Path, pictures: Iterable[Path]) -> None:
        self.root = root
        self.paths: list[Path] = []
        self.sizes: list[tuple[int, int]] = []
        self.rows: list[Row] = []
        self.findings: list[Finding] = []
        paths = list(pictures)
        for path, size in zip(paths, measure(paths), strict=True):
            if isinstance(size, PictureFault):
                self.fault(path, Fault(size.kind, str(size).removeprefix(f"{path}: ")))
            else:
                self.paths.append(path)
                self.sizes.append(size)

    def fault(self, file: Path, fault: Fault, line: int | None = None, severity: Severity = "error") -> None:
        """Note what is wrong in a file."""
        self.findings.append(Finding(fault.kind, str(file), "", fault.message, severity, line))

    def add(
        self,
        picture: int,
        box: Corners,
        category: int,
        *,
        file: Path,
        line: int,
        got: str,
        identity: int = -1,
        crowd: bool = False,
        area: float | None = None,
    ) -> None:
        """One object; its box may reach out of the picture. `got` is the box as it stands in the file."""
        try:
            corners, note = clip(box, self.sizes[picture], got)
        except Fault as fault:
            self.fault(file, fault, line)
            return
        if note is not None:
            self.fault(file, note, line, "note")
        self.rows.append(Row(picture, corners, category, line, identity, crowd, area))

    def finish(
        self,
        categories: Sequence[str],
        labels: Sequence[Path],
        *,
        category_ids: Sequence[int] | None = None,
        boxed: bool = True,
        tags: Tags | None = None,
        videos: Videos | None = None,
        place: Place = at_line,
    ) -> Parsed:
        """The split; `labels` names the file of each picture's objects."""
        ids = tuple(range(len(categories)) if category_ids is None else category_ids)
        offsets, rows, entries = pack(self.rows, len(self.paths))
        files = [_relative(path, self.root) for path in self.paths]
        identities = len(np.unique(rows.identities[rows.identities >= 0]))
        annotations = Annotations(
            taxonomy=Taxonomy(tuple(categories), ids, identities),
            image_ids=Strings(files),
            root=self.root,
            files=Strings(files),
            sizes=np.array(self.sizes, dtype=np.int64).reshape(-1, 2),
            offsets=offsets,
            rows=rows,
            boxed=boxed,
            tags=tags,
            videos=videos,
        )
        return Parsed(annotations, self.findings, Origins(Strings(map(str, labels)), entries, place))


def _relative(path: Path, root: Path) -> str:
    """With slashes; a picture that lies elsewhere keeps its whole path."""
    relative = relative_path(path, root)
    return path.absolute().as_posix() if relative.startswith("..") else Path(relative).as_posix()
