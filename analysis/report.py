"""The report: every verb's pictures and numbers, as files and together on one self-contained HTML page.

out/report.html                     all sections of the folder, pictures embedded
out/<section>/<section>.json        the section: numbers, and what the page is made of
out/<section>/<table>.csv           each of its tables
out/<section>/<plot>.png, .pdf      each of its pictures; a quick report has no .pdf
"""

from __future__ import annotations

import base64
import csv
import html
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import unified
from unified.errors import DataError
from unified.train.durable import replace_file

from .figure import DPI
from .page import PAGE

REPORT = "report.html"
ORDER = ("implicit", "ablate", "alignment", "conflict", "curves", "cost")  # as a reader asks

SHORT = 15  # rows of a table that is open from the start
SHOWN_DPI = 110  # of a picture on the page, so that letters are of one size in all

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture of a section's folder, and how to read it."""

    file: str
    title: str
    reading: str


@dataclass(slots=True)
class Section:
    """What one verb found. `tables` are shown on the page, `data` are only kept as files."""

    name: str
    title: str
    subject: str  # what was looked at
    plots: list[Plot] = field(default_factory=list)
    tables: dict[str, list[Row]] = field(default_factory=dict)
    data: dict[str, list[Row]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)  # what could not be shown, and why

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def folder_of(out: Path, name: str) -> Path:
    """Where the section called `name` keeps its files; made if it is not there."""
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def save(section: Section, out: Path) -> Path:
    """Write the section's numbers, and the page of all sections in `out`; returns the page."""
    folder = folder_of(out, section.name)
    for name, rows in (section.tables | section.data).items():
        replace_file(folder / f"{name}.csv", to_csv(rows).encode())
    text = json.dumps(section.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
    replace_file(folder / f"{section.name}.json", text.encode())
    page = out / REPORT
    replace_file(page, _page(_sections(out), out).encode(), shared=True)  # by several verbs, which share `out`
    return page


def to_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """With the union of the rows' keys as columns."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(dict.fromkeys(key for row in rows for key in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _sections(out: Path) -> list[Section]:
    found = []
    for name in ORDER:
        path = out / name / f"{name}.json"
        if path.is_file():
            try:
                values = json.loads(path.read_text(encoding="utf-8"))
                plots = [Plot(**plot | {"file": Path(plot["file"]).name}) for plot in values["plots"]]  # none elsewhere
                found.append(Section(**values | {"name": name, "plots": plots}))
            except (ValueError, TypeError, KeyError) as error:
                raise DataError(f"{path}: no section of a report ({error}); move the folder away") from error
    return found


def _page(sections: Sequence[Section], out: Path) -> str:
    links = "".join(f'<a href="#{section.name}">{html.escape(section.title)}</a>' for section in sections)
    body = "".join(_section(section, out / section.name) for section in sections)
    return PAGE.format(links=links, body=body, version=html.escape(unified.__version__))


def _section(section: Section, folder: Path) -> str:
    title, subject = html.escape(section.title), html.escape(section.subject)
    parts = [f'<section id="{section.name}"><h2>{title}</h2><p class="subject">{subject}</p>']
    parts += [_figure(plot, folder) for plot in section.plots]
    parts += [_table(name, rows) for name, rows in section.tables.items() if rows]
    parts += [f'<p class="note">{html.escape(note)}</p>' for note in section.notes]
    return "".join([*parts, "</section>"])


def _figure(plot: Plot, folder: Path) -> str:
    data = (folder / plot.file).read_bytes()
    picture = base64.b64encode(data).decode()
    width = round(int.from_bytes(data[16:20], "big") * SHOWN_DPI / DPI)  # where a PNG says it
    title, reading = html.escape(plot.title), html.escape(plot.reading)
    return (
        f'<figure><img alt="{title}" width="{width}" src="data:image/png;base64,{picture}">'
        f"<figcaption><b>{title}.</b> {reading}</figcaption></figure>"
    )


def _table(name: str, rows: Sequence[Row]) -> str:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    head = "".join(_head(column, [row.get(column) for row in rows]) for column in columns)
    body = "".join("<tr>" + "".join(_cell(row.get(column)) for column in columns) + "</tr>" for row in rows)
    title = html.escape(name.replace("_", " "))
    return (
        f"<details{' open' if len(rows) <= SHORT else ''}><summary>{title} · {len(rows)} rows</summary>"
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></details>'
    )


def _head(column: str, values: Sequence[Any]) -> str:
    text = html.escape(column.replace("_", " "))
    numbers = all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values)
    return f'<th class="number">{text}</th>' if numbers else f"<th>{text}</th>"


def _cell(value: Any) -> str:
    if value is None:
        return '<td class="number">–</td>'
    if isinstance(value, bool | str):
        return f"<td>{html.escape(str(value))}</td>"
    return f'<td class="number">{_digits(value)}</td>'


def _digits(value: float) -> str:
    """As many as can matter: 52,921,437 · 120,636.8 · 8.123 · 0.512 · 8.7e-04. All of them are in the CSV."""
    if isinstance(value, int):
        return f"{value:,}"
    size = abs(value)
    if not size or size >= 1000:
        return f"{value:,.1f}" if size else "0"
    if size >= 1:
        return f"{value:#.4g}"
    return f"{value:.3f}" if size >= 1e-3 else f"{value:.1e}"
