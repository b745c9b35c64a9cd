"""Pascal VOC: an XML file a picture.

Pixels count from 1, and the last one belongs to the box: xmin = 1, xmax = width is the whole picture, here 0 to width.
Objects marked `difficult` become crowd regions, which neither train nor count, as in VOC's own evaluation. Classes are
those of classes.txt where there is one, else all names of all splits in alphabetical order.

    Annotations/*.xml   JPEGImages/…   ImageSets/Main/{split}.txt        also in VOC2012/, VOCdevkit/VOC2012/
    {split}/*.xml       with the pictures beside them
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from unified.data.fields import Fault
from unified.data.readers.draft import Draft
from unified.data.readers.layout import Format, Parsed
from unified.data.readers.pictures import folders_in, pictures_in
from unified.data.readers.text import cut, finite, known_class, lines_of, read_classes
from unified.data.readers.xml_tree import BrokenXml, Node, read_xml
from unified.errors import DataError

CLASS_FILE = "classes.txt"
_SETS = "ImageSets/Main"
_PICTURES = ("JPEGImages", "images", "Images")
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_ORIGIN = 1.0  # of xmin and ymin in the files


@dataclass(frozen=True, slots=True)
class VocLayout:
    """One split of a VOC data set."""

    name: str
    root: Path
    split: str
    source: Path  # the folder of XML files
    pictures: Path  # the folder of pictures
    listed: Path | None  # the file that lists the split; None: every XML of the folder
    others: tuple[Path, ...] = ()  # the folders of XML files of other splits, for their classes

    def parse(self) -> Parsed:
        trees, broken = _read_all(self.source)
        files: list[tuple[Path, Path]] = []  # XML, picture
        findings: list[tuple[Path, Fault, int | None]] = []
        pictures = {path.stem: path for path in pictures_in(self.pictures)}
        for stem, line in self._stems(trees, broken):
            xml = self.source / f"{stem}.xml"
            if stem in broken:
                findings.append((xml, broken[stem], broken[stem].line))
            elif stem not in trees:
                findings.append((self.listed or xml, Fault("missing label file", f"{stem}: there is no {xml}"), line))
            else:
                try:
                    files.append((xml, self._picture_of(stem, trees[stem], pictures)))
                except Fault as lost:
                    findings.append((xml, lost, trees[stem].line))
        if not files and not findings:
            raise DataError(f"{self.listed or self.source}: split {self.split!r} is empty; a data set needs pictures.")
        draft = Draft(self.root, [picture for _, picture in files])
        for path, found, line in findings:
            draft.fault(path, found, line)
        xml_of = {picture: xml for xml, picture in files}
        labels = [xml_of[path] for path in draft.paths]
        classes, source = self._classes(trees)
        reader = _Objects(draft, classes, source)
        for i, xml in enumerate(labels):
            reader.read(i, xml, trees[xml.stem])
        reader.say(self.source)
        return draft.finish(classes, labels)

    def _stems(self, trees: Mapping[str, Node], broken: Mapping[str, BrokenXml]) -> list[tuple[str, int | None]]:
        """(name without suffix, line of the list) of each picture."""
        if self.listed is None:
            return [(stem, None) for stem in sorted([*trees, *broken])]
        return [(line, number) for number, line in lines_of(self.listed, "list of a split")]

    def _picture_of(self, stem: str, tree: Node, pictures: Mapping[str, Path]) -> Path:
        """By the name of the XML, as VOC has it; tools that rename files leave another in <filename>."""
        if stem in pictures:
            return pictures[stem]
        name = _text(tree, "filename")
        named = self.pictures / Path(name).name
        if name and named.is_file():
            return named
        looked_for = f"{self.pictures / stem}.*" + (f" and {named}" if name else "")
        raise Fault("missing picture", f"its picture is not there; looked for {looked_for}")

    def _classes(self, trees: Mapping[str, Node]) -> tuple[list[str], Path | None]:
        file = self.root / CLASS_FILE
        if file.is_file():
            return read_classes(file), file
        found = _names(trees.values())
        for folder in self.others:
            if folder != self.source:
                found |= _names(_read_all(folder)[0].values())
        return sorted(found), None


class _Objects:
    """Reads the trees of a split into its draft."""

    def __init__(self, draft: Draft, classes: Sequence[str], file: Path | None) -> None:
        self._draft = draft
        self._index = {name: k for k, name in enumerate(classes)}
        self._file = file
        self._difficult = 0

    def read(self, picture: int, path: Path, tree: Node) -> None:
        self._check_size(picture, path, tree)
        for node in tree.all("object"):
            try:
                self._add(picture, path, node)
            except Fault as fault:
                self._draft.fault(path, fault, node.line)

    def say(self, folder: Path) -> None:
        if self._difficult:
            text = f"{self._difficult} objects marked difficult are regions to be ignored"
            self._draft.fault(folder, Fault("difficult objects", text), severity="note")

    def _check_size(self, picture: int, path: Path, tree: Node) -> None:
        size = tree.first("size")
        given = [_text(size, key) for key in ("width", "height")] if size is not None else []
        actual = [str(side) for side in self._draft.sizes[picture]]
        # Zeros are what some tools write for want of the picture.
        if given and given != actual and set(given) - {"0", ""}:
            text = f"<size> is {'x'.join(given)}; the picture has {'x'.join(actual)} pixels (upright)"
            self._draft.fault(path, Fault("size mismatch", text), size.line if size is not None else None)

    def _add(self, picture: int, path: Path, node: Node) -> None:
        name = _text(node, "name")
        if not name:
            raise Fault("missing value", "an object without a <name>")
        if self._file is not None:
            known_class(name, self._index, self._file)
        box = node.first("bndbox")
        if box is None:
            raise Fault("missing value", f"{cut(name)!r} has no <bndbox>; allowed: one with {', '.join(_CORNERS)}")
        x1, y1, x2, y2 = (finite(_text(box, key), key) for key in _CORNERS)
        if x2 < x1 or y2 < y1:
            raise Fault("negative box", f"box {x1:g} {y1:g} {x2:g} {y2:g}; allowed: xmax, ymax not below xmin, ymin")
        x1, y1 = x1 - _ORIGIN, y1 - _ORIGIN
        difficult = _text(node, "difficult") in ("1", "true", "True")
        self._difficult += difficult
        got = f"box {x1 + _ORIGIN:g} {y1 + _ORIGIN:g} {x2:g} {y2:g}"
        place = self._index[name]
        self._draft.add(picture, (x1, y1, x2, y2), place, file=path, line=node.line, got=got, crowd=difficult)


def _read_all(folder: Path) -> tuple[dict[str, Node], dict[str, BrokenXml]]:
    """{name without suffix: tree} of all XML files of a folder, and what is wrong with the others."""
    trees: dict[str, Node] = {}
    broken: dict[str, BrokenXml] = {}
    for path in sorted(folder.glob("*.xml")):
        try:
            tree = read_xml(path)
            if tree.tag != "annotation":
                raise BrokenXml(f"the root is <{tree.tag}>; allowed: <annotation>", tree.line)
            trees[path.stem] = tree
        except BrokenXml as fault:
            broken[path.stem] = fault
    return trees, broken


def _names(trees: Iterable[Node]) -> set[str]:
    return {name for tree in trees for node in tree.all("object") if (name := _text(node, "name"))}


def _text(node: Node | None, tag: str) -> str:
    child = None if node is None else node.first(tag)
    return "" if child is None else child.text.strip()


def _find(root: Path) -> list[VocLayout]:
    for home in [root, *root.glob("VOC*"), *root.glob("VOCdevkit/VOC*")]:
        source = home / "Annotations"
        if any(source.glob("*.xml")):
            pictures = next((home / name for name in _PICTURES if (home / name).is_dir()), source)
            lists = [path for path in sorted((home / _SETS).glob("*.txt")) if _is_split(path, source)]
            if lists:
                return [VocLayout("VOC", root, path.stem, source, pictures, path) for path in lists]
            return [VocLayout("VOC", root, "train", source, pictures, None)]
    folders = [folder for folder in folders_in(root) if any(folder.glob("*.xml"))]
    return [VocLayout("VOC, a folder a split", root, path.name, path, path, None, tuple(folders)) for path in folders]


def _is_split(path: Path, annotations: Path) -> bool:
    """Lists of single classes, aeroplane_train.txt, have a second column of -1, 0 and 1; names may have spaces."""
    lines = [line for _, line in lines_of(path, "list of a split")]
    return any(len(line.split()) == 1 or (annotations / f"{line}.xml").is_file() for line in lines)


def _looked_for(split: str) -> list[str]:
    return [f"Annotations/*.xml with {_SETS}/{split}.txt", f"{split}/*.xml"]


VOC = Format("voc", 1, _find, _looked_for)
