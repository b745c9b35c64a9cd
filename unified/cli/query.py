"""unified query."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unified.cli.index import Model, Uri
from unified.cli.output import Json, emit, say, table
from unified.errors import ConfigError

if TYPE_CHECKING:
    from unified.index.entry import Hit
    from unified.index.index import Index


def query(
    index: Uri,
    image: Annotated[Path | None, typer.Option(help="Ask for what this picture shows.")] = None,
    box: Annotated[str | None, typer.Option(metavar="X,Y,W,H", help="The part of --image, in its pixels.")] = None,
    vector: Annotated[Path | None, typer.Option(help="Ask for a vector: a .npy file, or JSON.")] = None,
    id: Annotated[int | None, typer.Option("--id", help="Ask for what is like this entry.")] = None,
    text: Annotated[
        str | None, typer.Option(help="Find pictures by words of their captions: text search, no embedding is asked.")
    ] = None,
    k: Annotated[int | None, typer.Option("-k", min=1, help="Neighbours.  [default: 10, or all]")] = None,
    category: Annotated[str | None, typer.Option(help="Only entries of this category.")] = None,
    min_score: Annotated[float | None, typer.Option(min=0, max=1, help="Only objects found with this score.")] = None,
    rerank: Annotated[
        int,
        typer.Option(
            min=0,
            help="Put those first that are near each other both ways; give about the number of right answers.",
        ),
    ] = 0,
    identity: Annotated[int | None, typer.Option(help="Who --image shows, for the frames of --sheet.")] = None,
    sheet: Annotated[Path | None, typer.Option(help="Contact sheet to write, a .png.")] = None,
    model: Model = None,
    json: Json = False,
) -> None:
    """Find what looks alike.

    For example: unified query shop.index --image street.jpg --box 40,60,120,90 --sheet found.png
    or by words:  unified query shop.index --text "a red bus"
    """
    from unified.index.ask import read_box, read_vector
    from unified.index.backend import Filter
    from unified.index.index import Index
    from unified.index.sheet import entry_tile, image_tile, vector_tile, write_sheet

    if [image, vector, id, text].count(None) != 3:
        raise ConfigError(
            "ask for one thing: --image FILE (with --box X,Y,W,H for a part), --vector FILE, --id N, or --text WORDS"
        )
    if text is not None and rerank:
        raise ConfigError("--rerank is about vectors, and --text searches words: leave one out")
    if image is None and not (box is None and identity is None and model is None):
        raise ConfigError("--box, --identity and --model say something about --image, which is not given")
    if identity is not None and sheet is None:
        raise ConfigError("--identity colours the frames of --sheet, which is not given")
    if sheet is not None and sheet.suffix.lower() != ".png":
        raise ConfigError(f"--sheet {sheet}: a contact sheet is a PNG; name it {sheet.stem or 'sheet'}.png")
    region = None if box is None else read_box(box)
    with Index.open(index) as opened:
        if text is not None:
            _show_mentions(opened, index, text, k, category, min_score, sheet, json)
            return
        if image is not None:
            hits = opened.query(
                image, box=region, k=k, category=category, min_score=min_score, rerank=rerank, model=model
            )
            asked = image_tile(str(image), region)
        elif vector is not None:
            where = Filter(category, min_score)
            hits = opened.search(read_vector(vector), opened.usual(k), where=where, rerank=rerank)[0]
            asked = vector_tile(str(vector))
        elif id is not None:
            hits = opened.similar(id, k=k, category=category, min_score=min_score, rerank=rerank)
            entry = opened.entries([id])[0]
            asked, identity = entry_tile(f"query: {id}", entry), entry.identity
    if sheet is not None:
        sheet.parent.mkdir(parents=True, exist_ok=True)
        write_sheet(sheet, asked, hits, identity)
    if json:
        emit(
            {
                "index": index,
                "search": "vectors",
                "hits": [{"rank": rank} | hit.to_json() for rank, hit in enumerate(hits, 1)],
            }
        )
    else:
        if hits:
            table([_row(rank, hit) for rank, hit in enumerate(hits, 1)])
        else:
            say("no entry matches")
        if sheet is not None:
            say(f"{sheet}: contact sheet")


def _show_mentions(
    opened: Index,
    index: str,
    text: str,
    k: int | None,
    category: str | None,
    min_score: float | None,
    sheet: Path | None,
    json: bool,
) -> None:
    """What a text search finds, and that it is one."""
    from unified.index.index import USUAL_K
    from unified.index.sheet import write_text_sheet
    from unified.index.text import METHOD

    found = opened.mentions(text, k=USUAL_K if k is None else k, category=category, min_score=min_score)
    if sheet is not None:
        write_text_sheet(sheet, text, found)
    if json:
        hits = [{"rank": rank} | mention.to_json() for rank, mention in enumerate(found, 1)]
        emit({"index": index, "search": "text", "method": METHOD, "hits": hits})
        return
    say(f"text search: {METHOD}")
    if found:
        shown = [(mention.score, mention.image, mention.caption) for mention in found]
        table([{"rank": rank, "score": s, "image": i, "caption": c} for rank, (s, i, c) in enumerate(shown, 1)])
    elif category is None and min_score is None:
        say(f"no caption has any word of {text!r}")
    else:
        say(f"no entry with any word of {text!r} in its caption passes the filter")
    if sheet is not None:
        say(f"{sheet}: contact sheet")


def _row(rank: int, hit: Hit) -> dict[str, Any]:
    entry = hit.entry
    box = None if entry.box is None else ",".join(f"{side:g}" for side in entry.box)
    shown = {"category": entry.category, "identity": entry.identity, "image": entry.image, "box": box}
    return {"rank": rank, "score": hit.score, "id": hit.id, **shown}
