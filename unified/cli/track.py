"""unified track."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unified.cli.output import Json, emit, progress, table
from unified.cli.run import Device, Run
from unified.errors import ConfigError, nearest

if TYPE_CHECKING:
    from unified.task import Scores
    from unified.track.plan import Job
    from unified.track.tracks import Tracks


class Film(str, Enum):
    """What annotated frames may be joined to."""

    gif = "gif"
    mp4 = "mp4"


def track(
    run: Run,
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE", help="Sequences: folders of frames, quoted globs or videos.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results; several sources get a folder each in it.")],
    truth: Annotated[
        list[Path] | None, typer.Option(help="Score against this MOTChallenge text; once a source, in their order.")
    ] = None,
    truth_annotations: Annotated[
        Path | None, typer.Option(help="Score against this COCO file; its pictures have video and frame_id.")
    ] = None,
    frames: Annotated[
        list[str] | None,
        typer.Option(metavar="FIRST:LAST", help="Only these frames, both included; once, or once a source."),
    ] = None,
    stride: Annotated[int, typer.Option(min=1, help="Only every N-th frame.")] = 1,
    category: Annotated[list[str] | None, typer.Option(help="Follow only this category; may be repeated.")] = None,
    embedding: Annotated[
        bool, typer.Option("--embedding/--no-embedding", help="Use the model's embeddings, where it has any.")
    ] = True,
    score: Annotated[float, typer.Option(min=0, max=1, help="Boxes from this score on make tracks.")] = 0.6,
    low_score: Annotated[
        float, typer.Option(min=0, max=1, help="Boxes from this score on carry tracks through occlusions.")
    ] = 0.1,
    max_lost: Annotated[int, typer.Option(min=0, help="Frames that a lost object is remembered.")] = 30,
    confirm: Annotated[int, typer.Option(min=1, help="Frames in a row that make an object count.")] = 2,
    film: Annotated[Film | None, typer.Option(help="Also join the annotated frames to a film.")] = None,
    fps: Annotated[
        float | None, typer.Option(min=0.1, help="Frames a second of the film.  [default: the source's, or 10]")
    ] = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Follow objects through frames.

    Writes tracks.txt (MOTChallenge), tracks.jsonl and annotated frames; with truth, also tells HOTA, IDF1 and MOTA.
    """
    from unified.predict import load
    from unified.track.follow import follow
    from unified.track.options import TrackerOptions
    from unified.track.plan import parse_span, plan
    from unified.track.video import check_installed
    from unified.track.write import write_tracks

    if fps is not None and film is None:
        raise ConfigError("--fps is the speed of --film, which is not given")
    options = TrackerOptions(score=score, low_score=low_score, max_lost=max_lost, confirm=confirm)
    if film is Film.mp4:
        check_installed()
    spans = [parse_span(text) for text in frames or ()]
    jobs = plan(sources, out, spans=spans, stride=stride, truths=truth or (), annotations=truth_annotations)
    predictor = load(run, device=device)
    known = predictor.taxonomy.categories
    for name in category or ():
        if name not in known:
            raise ConfigError(f"the model has no category {name!r}; {nearest(name, known)}")
    found = []
    for job in jobs:
        with progress(f"tracking {job.frames.name}") as report:
            moments = follow(
                *(job.frames, job.wanted, predictor),
                options=options,
                embedding=embedding,
                categories=category,
                progress=report,
            )
            found.append(write_tracks(job, moments, known, film=None if film is None else film.value, rate=fps))
    _tell(jobs, found, _score(jobs, found), json)


def _score(jobs: Sequence[Job], found: Sequence[Tracks]) -> Scores | None:
    from unified.track.score import score_tracks

    pairs = [(tracks, job.truth) for job, tracks in zip(jobs, found, strict=True) if job.truth is not None]
    return score_tracks(pairs) if pairs else None


def _tell(jobs: Sequence[Job], found: Sequence[Tracks], scores: Scores | None, json: bool) -> None:
    rows = [
        {
            "sequence": tracks.name,
            "frames": len(tracks.frames),
            "tracks": len(tracks),
            "boxes": tracks.boxes,
            "out": str(job.out),
        }
        for job, tracks in zip(jobs, found, strict=True)
    ]
    if json:
        told = {} if scores is None else {"scores": scores.numbers} | scores.tables
        emit({"sequences": rows} | told)
        return
    table(rows)
    if scores is not None:
        table([{"number": number, "value": value} for number, value in scores.numbers.items()], title="scores")
        for title, lines in scores.tables.items():
            table(lines, title=title.replace("_", " "))
