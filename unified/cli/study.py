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
    out: Annotated[Path | None, typer.Option(help="Folder of the tables.  [default: runs/<name>]")] = None,
    runs: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the runs, which experiments may share: equal variants are trained once.  [default: --out]"
        ),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Seeds 0, 1, … of each variant.  [default: as the file says]")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Trainings at a time, each in a process of its own.")] = 1,
    tables_only: Annotated[
        bool, typer.Option("--tables-only", help="Train nothing; the table of what is there.")
    ] = False,
    json: Json = False,
) -> None:
    """Train a grid of variants and seeds; print its table.

    Runs that are done are skipped, runs that were stopped go on. KEY=VALUE makes every run smaller, or larger:
    unified experiment table3-shapes data=shapes train.epochs=4 size=96 --seeds 5 --jobs 2
    """
    from unified.experiment.outcome import gathered, outcome
    from unified.experiment.render import markdown, to_json, unfinished, write
    from unified.experiment.runs import grid, train_all
    from unified.experiment.spec import read_experiment

    found = read_experiment(file)
    if seeds is not None:
        found = found.model_copy(update={"seeds": list(range(seeds))})
    folder = out or Path("runs") / found.name
    cells = grid(found, runs or folder, overrides or ())
    failures = [] if tables_only else train_all(cells, jobs=jobs, tell=lambda line: typer.echo(line, err=True))
    numbers = gathered(cells)
    table = outcome(found, numbers)
    changed = [word for word in overrides or () if not word.startswith("data=")]
    write(found, folder, numbers, table, changed)
    emit(to_json(found, table, changed)) if json else say(markdown(found, table, numbers, changed))
    if left := unfinished(cells):
        complain(f"the table lacks {len(left)} of {len(cells)} runs: {'; '.join(failures or left)}")
        raise typer.Exit(1)
