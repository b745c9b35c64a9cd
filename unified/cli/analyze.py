"""unified analyze: what the implicit codes learnt, and whether they matter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unified.cli.config import Overrides
from unified.cli.group import group
from unified.cli.output import Json, emit, progress, say, table

if TYPE_CHECKING:
    from analysis.report import Section

RUN_HELP = "Folder of a training, or of one of its checkpoints."
Run = Annotated[Path, typer.Argument(metavar="RUN", help=RUN_HELP)]
Out = Annotated[
    Path, typer.Option(help="Folder for pictures, CSV, JSON and report.html, which several verbs may share.")
]
Split = Annotated[str, typer.Option(help="Split of the data set.")]
Task = Annotated[str | None, typer.Option(help="Only this task's codes.  [default: all]")]
PICTURES = "Pictures to look at, evenly spread over the split; 0 = all."

app = group(
    "See what the implicit codes learnt, and whether they matter.\n\n"
    "Every verb adds its section to report.html in --out, and writes its pictures and numbers beside it."
)


@app.command()
def implicit(run: Run, out: Out, json: Json = False) -> None:
    """The codes themselves.

    Values by anchor and level (Figure 9) and over the training, norms, cosines, factors, files for the projector.
    """
    from unified import registry

    _show(registry.analysis("implicit").analyze(run, out), out, json)


@app.command()
def ablate(
    run: Run,
    out: Out,
    overrides: Overrides = None,
    split: Split = "val",
    pictures: Annotated[int, typer.Option(min=0, help=PICTURES)] = 200,
    task: Task = None,
    each_level: Annotated[bool, typer.Option("--each-level", help="Every level's code also by itself.")] = False,
    json: Json = False,
) -> None:
    """What each code is worth.

    Set to neutral, swapped between tasks, shuffled over channels, put back to its start: change of every task's scores.
    """
    from unified import registry

    with progress("ablating") as report:
        section = registry.analysis("ablate").analyze(
            run, out, overrides or (), split=split, pictures=pictures, task=task, each_level=each_level, progress=report
        )
    _show(section, out, json)


@app.command()
def alignment(
    run: Run,
    out: Out,
    overrides: Overrides = None,
    split: Split = "val",
    pictures: Annotated[int, typer.Option(min=0, help=PICTURES)] = 100,
    task: Task = None,
    json: Json = False,
) -> None:
    """Features before and after the codes.

    Figure 4: one PCA at the objects' centres, distances of the means, linear CKA with a permutation test.
    """
    from unified import registry

    with progress("looking at objects") as report:
        section = registry.analysis("alignment").analyze(
            run, out, overrides or (), split=split, pictures=pictures, task=task, progress=report
        )
    _show(section, out, json)


@app.command()
def conflict(run: Run, out: Out, json: Json = False) -> None:
    """Where the tasks pull apart.

    Cosines of the tasks' gradients, level by level over the training.
    """
    from unified import registry

    _show(registry.analysis("conflict").analyze(run, out), out, json)


@app.command()
def curves(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Folders of trainings.")],
    out: Out,
    json: Json = False,
) -> None:
    """Learning curves.

    Figure 11: runs beside each other; those that differ in their seed alone as mean and standard deviation.
    """
    from unified import registry

    _show(registry.analysis("comparison").analyze(runs, out), out, json)


@app.command()
def cost(
    source: Annotated[
        str, typer.Argument(metavar="RUN|CONFIG", help="A training's folder, or a config's name or file.")
    ],
    out: Out,
    overrides: Overrides = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    rounds: Annotated[int, typer.Option(min=1, help="Measurements of each variant.")] = 20,
    json: Json = False,
) -> None:
    """What the codes cost.

    Table 7 for any model: parameters, FLOPs and latency without codes, with them, and folded.
    """
    from unified import registry

    _show(registry.analysis("cost").analyze(source, out, overrides or (), device=device, rounds=rounds), out, json)


@app.command()
def atlas(
    run: Run,
    out: Out,
    overrides: Overrides = None,
    split: Split = "val",
    quick: Annotated[bool, typer.Option("--quick", help="Look at fewer pictures; PNG only.")] = False,
    json: Json = False,
) -> None:
    """All of the above that one run can tell."""
    from unified import registry

    made = registry.analysis("atlas").write_atlas(run, out, overrides or (), split=split, quick=quick)
    if json:
        emit({"report": str(made.page), "left_out": list(made.left_out)})
        return
    for reason in made.left_out:
        say(f"left out: {reason}")
    say(f"report: {made.page}")


def _show(section: Section, out: Path, json: bool) -> None:
    if json:
        emit(section.to_json())
        return
    for title, rows in section.tables.items():
        table(rows, title=title.replace("_", " "))
    for note in section.notes:
        say(note)
    say(f"report: {out / 'report.html'}")
