"""unified experiment: a grid of trainings, and its table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unified.cli.config import Overrides
from unified.cli.output import Json, complain, emit, say

File = Annotated[str, typer.Argument(metavar="FILE", help="A shipped experiment's name, or the path of a .yaml file.")]


def experiment(
    file: File,
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the runs and tables.  [default: runs/<name>]")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Trainings at a time, each in a process of its own.")] = 1,
    tables_only: Annotated[
        bool, typer.Option("--tables-only", help="Train nothing; the table of what is there.")
    ] = False,
    json: Json = False,
) -> None:
    """Train a grid of variants and seeds; print its table.

    Runs that are done are skipped, runs that were stopped go on. For example:
    unified experiment table3-shapes data=shapes --jobs 2
    """
    from unified.experiment.outcome import gathered, outcome
    from unified.experiment.render import markdown, to_json, unfinished, write
    from unified.experiment.runs import grid, train_all
    from unified.experiment.spec import read_experiment

    found = read_experiment(file)
    folder = out or Path("runs") / found.name
    runs = grid(found, folder, overrides or ())
    failures = [] if tables_only else train_all(runs, jobs=jobs, tell=lambda line: typer.echo(line, err=True))
    numbers = gathered(runs)
    table = outcome(found, numbers)
    write(found, folder, numbers, table)
    emit(to_json(found, table)) if json else say(markdown(found, table, numbers))
    if left := unfinished(runs):
        complain(f"the table lacks {len(left)} of {len(runs)} runs: {'; '.join(failures or left)}")
        raise typer.Exit(1)
