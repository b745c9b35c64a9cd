"""unified index: build, add, remove, compact, info, verify."""

from __future__ import annotations

from collections.abc import Iterator
from json import dumps as to_json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unified.cli.given import refuse
from unified.cli.group import group
from unified.cli.output import Json, emit, progress, say, table
from unified.errors import ConfigError, RetrievalError

if TYPE_CHECKING:
    from unified.index.embed import Embedder, Progress, Rows
    from unified.index.index import Index

Uri = Annotated[str, typer.Argument(metavar="INDEX", help="A folder, or milvus:./NAME.db, or milvus:http://HOST:PORT.")]
Sources = Annotated[
    list[str] | None, typer.Argument(metavar="SOURCE", help="Pictures, folders or quoted globs; or use --data.")
]
Data = Annotated[Path | None, typer.Option(help="Folder of a data set, in place of SOURCE.")]
Split = Annotated[str, typer.Option(help="Split of --data.")]
TrueBoxes = Annotated[bool, typer.Option("--true-boxes", help="The labelled objects of --data, with their identities.")]
Whole = Annotated[bool, typer.Option("--whole", help="Whole pictures, in place of the objects in them.")]
Score = Annotated[float, typer.Option(min=0, max=1, help="Leave out objects found with a lower score.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
Model = Annotated[Path | None, typer.Option(metavar="RUN", help="The model, if it is not where it was.")]

app = group("Indexes of embeddings: build, fill, check.")


@app.command()
def build(
    context: typer.Context,
    index: Uri,
    model: Annotated[Path, typer.Option(metavar="RUN", help="Folder of a training, or of one of its checkpoints.")],
    sources: Sources = None,
    data: Data = None,
    split: Split = "val",
    true_boxes: TrueBoxes = False,
    whole: Whole = False,
    score: Score = 0.25,
    device: Device = "auto",
) -> None:
    """Make an index of the objects in pictures.

    For example: unified index build shop.index photos --model runs/jde/1
    """
    from unified.index.embed import Embedder
    from unified.index.index import Index

    _check_sources(context, sources, data, true_boxes, whole)
    embedder = Embedder.load(model, device=device)
    with progress("embedding") as report:
        pictures = _pictures(embedder, sources, data, split, true_boxes, whole, score, report)
        with Index.create(index, embedder.origin) as made:
            _fill(made, pictures, index)


@app.command()
def add(
    context: typer.Context,
    index: Uri,
    sources: Sources = None,
    model: Model = None,
    data: Data = None,
    split: Split = "val",
    true_boxes: TrueBoxes = False,
    whole: Whole = False,
    score: Score = 0.25,
) -> None:
    """Add the objects in more pictures.

    With the model that the index was built with; another is refused.
    """
    from unified.index.index import Index

    _check_sources(context, sources, data, true_boxes, whole)
    with Index.open(index) as opened, progress("embedding") as report:
        embedder = opened.embedder(model)
        _fill(opened, _pictures(embedder, sources, data, split, true_boxes, whole, score, report), index)


@app.command()
def remove(index: Uri, ids: Annotated[list[int], typer.Argument(metavar="ID", help="Ids of entries.")]) -> None:
    """Remove entries.

    All that are named, or none; their ids are never given again.
    """
    from unified.index.index import Index
    from unified.ops.counted import counted

    with Index.open(index) as opened:
        opened.remove(ids)
        say(f"{index}: {counted(len(opened), 'entry', 'entries')} left")


@app.command()
def compact(index: Uri) -> None:
    """Give back the room of removed entries."""
    from unified.index.index import Index
    from unified.ops.counted import counted

    with Index.open(index) as opened:
        opened.compact()
        say(f"{index}: {counted(len(opened), 'entry', 'entries')}")


@app.command()
def info(index: Uri, json: Json = False) -> None:
    """Show what is in an index, and what made it."""
    from unified.index.index import Index

    with Index.open(index) as opened:
        found = opened.info()
    if json:
        emit(found)
    else:
        table([{"": name, "value": _shown(value)} for name, value in found.items()])


@app.command()
def verify(index: Uri, json: Json = False) -> None:
    """Check every byte of an index.

    Lists all that is wrong; exit code 1 if anything is.
    """
    from unified.index.index import Index

    try:
        with Index.open(index) as opened:
            faults = opened.verify()
    except RetrievalError as error:
        if not json:
            raise
        faults = [str(error)]
    if json:
        emit({"sound": not faults, "faults": faults})
    else:
        say("\n".join(faults) or f"{index}: sound")
    if faults:
        raise typer.Exit(RetrievalError.exit_code)


def _check_sources(
    context: typer.Context, sources: list[str] | None, data: Path | None, true_boxes: bool, whole: bool
) -> None:
    if bool(sources) == (data is not None):
        raise ConfigError("name the pictures once: either SOURCE (pictures, folders, globs), or --data DIR")
    if true_boxes and (data is None or whole):
        raise ConfigError("--true-boxes takes the labelled objects of --data DIR, and goes without --whole")
    if data is None:
        refuse(context, ["split"], "is about --data, which is not given")


def _pictures(
    embedder: Embedder,
    sources: list[str] | None,
    data: Path | None,
    split: str,
    true_boxes: bool,
    whole: bool,
    score: float,
    report: Progress,
) -> Iterator[Rows]:
    """What is to be embedded. It is looked for at once, before any index is made."""
    from unified.data.dataset import open_dataset
    from unified.predict import find_pictures

    if data is None:
        return embedder.files(find_pictures(sources or ()), whole=whole, score=score, progress=report)
    dataset = open_dataset(data, split)
    return embedder.split(dataset, true_boxes=true_boxes, whole=whole, score=score, progress=report)


def _fill(index: Index, pictures: Iterator[Rows], uri: str) -> None:
    from unified.index.embed import store

    added = store(index, pictures)
    index.compact()
    say(f"{uri}: {added} added, {len(index)} entries; next: unified query {uri} --image PICTURE --sheet found.png")


def _shown(value: object) -> object:
    """Lists and dictionaries on one line."""
    return to_json(value, ensure_ascii=False) if isinstance(value, dict | list) else value
