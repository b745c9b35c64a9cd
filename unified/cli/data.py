"""unified data: make, check, stats, convert, split, browse."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from unified.cli.group import group
from unified.cli.output import Json, emit, progress, say, table
from unified.errors import ConfigError, DataError

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the data set.")]
Out = Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write, which must not be there yet.")]
Known = Literal["coco", "yolo", "voc", "mot", "csv", "folders"]
Format = Annotated[Known | None, typer.Option(help="Read it as this.  [default: what is found]")]
OneSplit = Annotated[str | None, typer.Option(help="Only this one.  [default: all that are found]")]
Pictures = Annotated[
    Literal["copy", "hardlink", "symlink"], typer.Option(help="How the pictures come into the new folder.")
]
OnError = Annotated[
    Literal["raise", "drop"], typer.Option(help="What a faulty annotation does: stop, or be left out and listed.")
]

PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".pdf", ".eps")
PLOT_ENDINGS = (*PICTURE_ENDINGS, ".svg")  # of what matplotlib writes
SHEET_ENDINGS = (*PICTURE_ENDINGS, ".gif", ".bmp")  # of what Pillow writes

app = group("Make, check, convert and look at data sets.")
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
    identities: Annotated[int, typer.Option(help="Different objects on the pictures to train on, at most.")] = 240,
    workers: Annotated[int | None, typer.Option(help="Processes that draw.  [default: one a core]")] = None,
) -> None:
    """Scenes of textured shapes.

    In COCO's format: boxes, categories, identities and five captions a picture. The same seed gives the same files.
    """
    from unified.data.shapes import make_shapes

    with progress("drawing shapes") as report:
        make_shapes(
            folder,
            train=train,
            val=val,
            size=size,
            seed=seed,
            identities=identities,
            workers=workers,
            progress=report,
        )
    say(f"{folder}: {train} pictures to train on, {val} to evaluate on; next: unified train jdc-shapes data={folder}")


@app.command()
def check(
    folder: Folder,
    split: OneSplit = None,
    fix: Annotated[Path | None, typer.Option(metavar="OUT", help="Write a mended copy into this new folder.")] = None,
    format: Format = None,
    json: Json = False,
) -> None:
    """Look for faults in a data set.

    Opens every picture, reads every annotation, lists all that is wrong; exit code 3 if anything is. With --fix a
    copy is written, in the same format: what cannot be mended is left out, the rest is mended, every change is listed;
    the exit code is then that of the copy.
    """
    from unified.data.check import check as check_data
    from unified.data.mend import mend

    with progress("opening pictures") as report:
        found = check_data(folder, split, format, report) if fix is None else mend(folder, fix, split, format, report)
    emit(found.to_json()) if json else say(found.text())
    if not found.sound:
        raise typer.Exit(DataError.exit_code)


@app.command()
def stats(
    folder: Folder,
    split: OneSplit = None,
    format: Format = None,
    on_error: OnError = "raise",
    out: Annotated[Path | None, typer.Option(help="Also draw histograms into this picture.")] = None,
    json: Json = False,
) -> None:
    """Count what is in a data set.

    Pictures, objects, classes, sizes, identities, captions and tags of each split.
    """
    from unified import registry
    from unified.data.stats import stats as count

    if out is not None:
        _check_picture(out, PLOT_ENDINGS)
    found = count(folder, split, format=format, on_error=on_error)
    if out is not None:
        registry.analysis("dataset").plot_stats(found, out)
    if json:
        emit(found.to_json())
        return
    table(found.numbers(), title=f"{folder}: {', '.join(dict.fromkeys(each.layout for each in found.splits))}")
    table(found.classes(), title="classes")


@app.command()
def convert(
    folder: Folder,
    out: Out,
    to: Annotated[Known, typer.Option(help="Format to write.")],
    split: OneSplit = None,
    format: Format = None,
    pictures: Pictures = "copy",
    on_error: OnError = "raise",
    json: Json = False,
) -> None:
    """Write a data set in another format.

    What that format cannot hold is said. Masks, keypoints and fields of your own are not read, so they are not written.
    """
    from unified.data.convert import convert as write

    with progress("writing") as report:
        found = write(
            *(folder, out),
            to=to,
            split=split,
            format=format,
            pictures=pictures,
            on_error=on_error,
            progress=report,
        )
    emit(found.to_json()) if json else say(found.text())


@app.command()
def split(
    folder: Folder,
    out: Out,
    val: Annotated[float, typer.Option(help="Share of the pictures to evaluate on.")] = 0.2,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another deal.")] = 0,
    by: Annotated[
        Literal["picture", "identity", "video"], typer.Option(help="What must not be on both sides.")
    ] = "picture",
    split: Annotated[str | None, typer.Option(help="The split to deal out.  [default: the only one]")] = None,
    to: Annotated[Known | None, typer.Option(help="Format to write.  [default: the one that is found]")] = None,
    format: Format = None,
    pictures: Pictures = "copy",
    on_error: OnError = "raise",
    json: Json = False,
) -> None:
    """Deal a data set out to train and val.

    Every class keeps its share on both sides, as far as that goes.
    """
    from unified.data.convert import split as deal

    with progress("writing") as report:
        found = deal(
            *(folder, out),
            val=val,
            seed=seed,
            by=by,
            split=split,
            to=to,
            format=format,
            pictures=pictures,
            on_error=on_error,
            progress=report,
        )
    emit(found.to_json()) if json else say(found.text())


@app.command()
def browse(
    folder: Folder,
    out: Annotated[Path, typer.Option(help="Picture to write.")] = Path("browse.png"),
    split: Annotated[str, typer.Option(help="Split of the data set.")] = "train",
    format: Format = None,
    count: Annotated[int, typer.Option(min=1, help="Pictures on the sheet.")] = 16,
    config: Annotated[str | None, typer.Option(help="Show them augmented, as this config trains on them.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other pictures.")] = 0,
) -> None:
    """Draw pictures with their labels.

    A contact sheet of random pictures with boxes, classes, identities and captions.
    """
    import random

    from unified.build_data import views_of
    from unified.config import read
    from unified.data.browse import browse as draw_sheet
    from unified.data.dataset import open_dataset

    _check_picture(out, SHEET_ENDINGS)
    dataset = open_dataset(folder, split, format=format)
    chosen = random.Random(seed).sample(range(len(dataset)), min(count, len(dataset)))
    pipeline = None if config is None else views_of(read(config))
    sheet = draw_sheet(dataset, chosen, pipeline=pipeline, seed=seed)
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out)
    say(f"{dataset.summary()}\n{out}: {len(chosen)} of them")


def _check_picture(out: Path, endings: Sequence[str]) -> None:
    """Say before the work what could not be written after it."""
    if out.is_dir():
        raise ConfigError(f"--out {out}: this is a folder; name the picture to write, such as {out / 'out.png'}")
    if out.suffix.lower() not in endings:
        raise ConfigError(f"--out {out}: a picture's name ends in one of {', '.join(endings)}; got {out.suffix!r}")
