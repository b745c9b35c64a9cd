"""The command line. Nothing that is imported before a verb runs may import torch: `--help` answers at once.

    about.py    doctor, tasks, models
    config.py   config list, show, validate, schema
    data.py     data make, check, stats, convert, split, browse
    index.py    index build, add, remove, compact, info, verify
    query.py    query
    run.py      demo, train, evaluate, predict, benchmark
    study.py    experiment
    analyze.py  analyze implicit, ablate, alignment, conflict, curves, cost, atlas
    track.py    track
    output.py   tables, JSON, messages, progress
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, TextIO

import typer

import unified
from unified.cli import about, analyze, config, data, index, query, run, study, track
from unified.cli.group import group
from unified.cli.output import complain, say
from unified.errors import UnifiedError

FAILED, INTERRUPTED = 1, 130

app = group(
    "One shared trunk, many tasks: train, evaluate and use joint models with implicit knowledge.\n\n"
    "Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 data, 130 interrupted."
)
_VERBS: list[Callable[..., None]] = [
    *(run.demo, run.train, run.evaluate, run.predict, run.benchmark, study.experiment),
    track.track,
    query.query,
    *(about.doctor, about.tasks, about.models),
]
for _verb in _VERBS:
    app.command()(_verb)
app.add_typer(config.app, name="config")
app.add_typer(data.app, name="data")
app.add_typer(index.app, name="index")
app.add_typer(analyze.app, name="analyze")


def main(arguments: Sequence[str] | None = None) -> None:
    """`unified …`; exits with the code that `unified --help` explains."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words  # taken out here, so that it may stand before or after the verb
    sys.stdout, sys.stderr = sys.stdout or _nowhere(), sys.stderr or _nowhere()  # None where they are closed
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.isatty():
            stream.reconfigure(errors="replace")  # a terminal that lacks × or – shows ? rather than a traceback
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")  # as JSON and configs are, whatever the locale
    try:
        app([word for word in words if word != "--debug"], prog_name="unified")
    except UnifiedError as error:
        if debug:
            raise
        complain(str(error))
        sys.exit(error.exit_code)
    except OSError as error:  # a full disk, a folder that may not be written: nothing to debug
        if debug:
            raise
        complain(str(error))
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")


def _version(wanted: bool) -> None:
    if wanted:
        say(f"unified {unified.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show an error's traceback; also after the verb.")] = False,
) -> None:
    pass
