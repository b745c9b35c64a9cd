"""XML → a small tree whose nodes know their lines. Entities and document types are refused: they can be bombs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax import ContentHandler, SAXParseException
from xml.sax.xmlreader import AttributesImpl, Locator

from defusedxml import DefusedXmlException
from defusedxml.sax import parseString

from unified.data.fields import Fault

_DEPTH = 20  # annotations nest four levels deep
_REFUSED = (
    "document types and entities are refused, since a few of them can fill the memory or read other files; remove the "
    "<!DOCTYPE …>"
)


class BrokenXml(Fault):
    """A file that is not read; `line` where that is known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__("unusable label file", message)
        self.line = line


@dataclass(slots=True)
class Node:
    """An element."""

    tag: str
    line: int
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def all(self, tag: str) -> Iterator[Node]:
        return (child for child in self.children if child.tag == tag)

    def first(self, tag: str) -> Node | None:
        return next(self.all(tag), None)


def read_xml(path: Path) -> Node:
    """The root element of a file. Raises BrokenXml, with the line where it is malformed or tries something."""
    builder = _Builder()
    try:
        parseString(path.read_bytes(), builder, forbid_dtd=True)
    except OSError as fault:
        raise BrokenXml(f"the file cannot be read: {fault.strerror}") from fault
    except SAXParseException as fault:
        raise BrokenXml(f"malformed XML: {fault.getMessage()}", fault.getLineNumber()) from fault
    except DefusedXmlException as fault:
        raise BrokenXml(_REFUSED, builder.line) from fault
    except (ValueError, LookupError) as fault:
        raise BrokenXml(f"not a sensible XML file ({fault})", builder.line) from fault
    return builder.root


class _Builder(ContentHandler):
    def __init__(self) -> None:
        super().__init__()
        self.root = Node("", 0)
        self._open: list[Node] = []
        self._text: list[list[str]] = []  # of each of them, in parts: joined once
        self._locator: Locator | None = None

    @property
    def line(self) -> int:
        return (self._locator.getLineNumber() if self._locator is not None else None) or 1

    def setDocumentLocator(self, locator: Locator) -> None:
        self._locator = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:
        node = Node(name, self.line)
        if len(self._open) >= _DEPTH:
            raise ValueError(f"nested deeper than {_DEPTH} levels on line {self.line}")
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)
        self._text.append([])

    def characters(self, content: str) -> None:
        if self._open:
            self._text[-1].append(content)

    def endElement(self, name: str) -> None:
        self._open.pop().text = "".join(self._text.pop())
