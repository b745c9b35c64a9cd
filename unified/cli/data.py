"""unified data: make, check, browse."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unified.cli.group import group
from unified.cli.output import Json, emit, progress, say
from unified.errors import DataError

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the data set.")]

app = group("Make, check and look at data sets.")
make_app = group("Generate a data set.")
app.add_typer(make_app, name="make")


@make_app.callback()
def _make() -> None:
    """Generate a data set."""


@make_app.command()
def shapes(
    folder: Folder,
    train: Annotated[int, typer.Option(help="Pictures to train on.")] = 800,
    val: Annotated[int, typer.Option(help="Pictures to evaluate on.")] = 200,
    size: Annotated[int, typer.Option(help="Side of the square pictures in pixels.")] = 192,
    seed: Annotated[int, typer.Option(help="Another seed, other pictures; the same seed, the same files.")] = 0,
    workers: Annotated[int | None, typer.Option(help="Processes that draw.  [default: one a core]")] = None,
) -> None:
    """Scenes of textured shapes.

    In COCO's format: boxes, categories, identities and five captions a picture. The same seed gives the same files.
    """
    from unified.data.shapes import make_shapes

    with progress("drawing shapes") as report:
        make_shapes(folder, train=train, val=val, size=size, seed=seed, workers=workers, progress=report)
    say(f"{folder}: {train} pictures to train on, {val} to evaluate on; next: unified train jdc-shapes data={folder}")


@app.command()
def check(
    folder: Folder,
    split: Annotated[str | None, typer.Option(help="Only this one.  [default: all that are found]")] = None,
    fix: Annotated[Path | None, typer.Option(metavar="OUT", help="Write a mended copy into this new folder.")] = None,
    json: Json = False,
) -> None:
    """Look for faults in a data set.

    Opens every picture, reads every annotation, lists all that is wrong; exit code 3 if anything is. With --fix what
    cannot be mended is left out of a copy in COCO's format, the rest is mended, and the copy is what the exit code says.
    """
    from unified.data.check import check as check_data
    from unified.data.mend import mend

    with progress("opening pictures") as report:
        found = check_data(folder, split, progress=report) if fix is None else mend(folder, fix, split, progress=report)
    emit(found.to_json()) if json else say(found.text())
    if not found.sound:
        raise typer.Exit(DataError.exit_code)


@app.command()
def browse(
    folder: Folder,
    out: Annotated[Path, typer.Option(help="Picture to write.")] = Path("browse.png"),
    split: Annotated[str, typer.Option(help="Split of the data set.")] = "train",
    count: Annotated[int, typer.Option(min=1, help="Pictures on the sheet.")] = 16,
    config: Annotated[str | None, typer.Option(help="Show them augmented, as this config trains on them.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other pictures.")] = 0,
) -> None:
    """Draw pictures with their labels.

    A contact sheet of random pictures with boxes, classes, identities and captions.
    """
    import random

    from unified.build import augment_of
    from unified.config import read
    from unified.data.browse import browse as draw_sheet
    from unified.data.dataset import open_dataset

    dataset = open_dataset(folder, split)
    chosen = random.Random(seed).sample(range(len(dataset)), min(count, len(dataset)))
    found = None if config is None else read(config)
    pipeline = None if found is None else augment_of(found.augment, found.size)
    draw_sheet(dataset, chosen, pipeline=pipeline, seed=seed).save(out)
    say(f"{dataset.summary()}\n{out}: {len(chosen)} of them")
