"""What the command line prints: tables for people, JSON for programs, messages and progress on standard error."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, and nothing else there.")]
Progress = Callable[[int, int], None]  # done, in all

PIPED_WIDTH = 200  # columns of a table where nobody's terminal limits them


# What moves the cursor, changes a terminal, or the order of letters: names in a stranger's data may hold it.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """Control characters, line breaks and tabs aside, as Python writes them: \\x1b."""
    return _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)


def emit(value: Any, indent: int | None = 2) -> None:
    """JSON on standard output; with `indent` None on one line."""
    sys.stdout.write(json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False) + "\n")


def say(text: str = "") -> None:
    """Plain text on standard output."""
    sys.stdout.write(f"{visible(text)}\n")


def complain(text: str) -> None:
    """A message on standard error; its first word in red on a terminal that has colours."""
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True).print(Text("error: ", style="bold red") + Text(visible(text)), soft_wrap=True, highlight=False)


def table(rows: Sequence[Mapping[str, Any]], *, title: str | None = None) -> None:
    """Rows of equal keys, the keys being the head. Numbers stand right, None shows as –."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPED_WIDTH)
    if title:
        console.print(Text(visible(title), style="bold"))
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for key in rows[0] if rows else ():
        numeric = all(isinstance(row[key], int | float | None) for row in rows)
        drawn.add_column(Text(visible(key)), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(_cell(value)) for value in row.values()))
    console.print(drawn)


@contextmanager
def progress(what: str) -> Iterator[Progress]:
    """A bar on standard error while it is a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else visible(str(value))
