"""unified demo, train, evaluate, predict, benchmark."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unified.cli.config import Name, Overrides
from unified.cli.given import refuse
from unified.cli.output import Json, emit, progress, say, table
from unified.errors import ConfigError

if TYPE_CHECKING:
    from unified.controls import Report
    from unified.index.measure import Measurement
    from unified.task import Scores

RUN_HELP = "Folder of a training, or of one of its checkpoints."
Run = Annotated[Path, typer.Argument(metavar="RUN", help=RUN_HELP)]
RunOrFiles = Annotated[Path | None, typer.Argument(metavar="RUN", help=RUN_HELP)]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]


TIMED = ("size", "batch", "task", "data", "workers", "degrees", "vectors", "device")


class Mode(str, Enum):
    """What `unified benchmark` times."""

    inference = "inference"
    train = "train"
    answers = "answers"
    loader = "loader"
    joint = "joint"
    vectors = "index"  # a str has an attribute `index` of its own
    all = "all"

    def reads(self) -> frozenset[str]:
        """The options that say something about it."""
        network, loading = {"size", "batch", "task", "device"}, {"size", "data", "workers", "device"}
        of = {
            Mode.loader: loading,
            Mode.joint: {"size", "batch", "degrees", "device"},
            Mode.vectors: {"vectors"},
            Mode.all: network | loading,
        }
        return frozenset(of.get(self, network))


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the data, the run and the pictures.")] = Path("demo"),
    epochs: Annotated[int | None, typer.Option(min=1, help="Length of the training, if not the demo's own.")] = None,
) -> None:
    """See it work, from nothing.

    Makes a data set, trains detection and classification on it, shows the scores, annotated pictures and what the
    codes learnt.
    """
    from unified import registry
    from unified.demo import run_demo

    def look(run: Path, folder: Path) -> Path:
        page: Path = registry.analysis("atlas").write_atlas(run, folder, quick=True).page
        return page

    made = run_demo(out, epochs=epochs, plot=registry.analysis("curves").plot_curves, look=look)
    _print_scores(made.scores)
    say(f"pictures  {made.sheet}")
    say(f"curves    {out / 'curves.png'}")
    say(f"atlas     {made.report}")
    say(f"run       {made.run}")
    say(f"next      unified predict {made.run} PICTURES --out found")
    say("          unified train jdc data=COCO --out runs/coco")


def train(
    config: Name,
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run.  [default: runs/<name>/<n>]")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out where it stopped.")] = False,
    controls: Annotated[bool, typer.Option("--controls", help="Then train each task alone, and compare.")] = False,
    json: Json = False,
) -> None:
    """Train a config.

    For example: unified train jdc data=PATH train.epochs=50 --out runs/mine
    """
    from unified.config import read
    from unified.controls import train_with_controls
    from unified.train.ranks import Ranks
    from unified.training import train as run_training

    first = Ranks.of_environment().first  # the others have nothing to add
    if resume and out is None:
        raise ConfigError("--resume goes on with a run: name its folder with --out DIR")
    if controls:
        report = train_with_controls(read(config, overrides or ()), out=out, resume=resume)
        if first:
            emit(report.to_json()) if json else _print_gains(report)
        return
    run = run_training(read(config, overrides or ()), out=out, resume=resume)
    if json and first:
        emit({"run": str(run)})


def evaluate(
    context: typer.Context,
    run: RunOrFiles = None,
    overrides: Overrides = None,
    split: Annotated[str, typer.Option(help="Split of the data set.")] = "val",
    predictions: Annotated[Path | None, typer.Option(help="Score this COCO results file instead of a run.")] = None,
    annotations: Annotated[Path | None, typer.Option(help="The COCO annotations that --predictions is about.")] = None,
    task: Annotated[str, typer.Option(help="The task that --predictions is about.")] = "detection",
    captions: Annotated[Path | None, typer.Option(help="Short for --task caption --predictions.")] = None,
    references: Annotated[Path | None, typer.Option(help="The COCO captions that --captions is about.")] = None,
    shuffle_pictures: Annotated[
        bool, typer.Option("--shuffle-pictures", help="Score each picture by the labels of another: does it look?")
    ] = False,
    json: Json = False,
) -> None:
    """Score a training, or a results file.

    unified evaluate RUN data=PATH, or unified evaluate --predictions FILE --annotations FILE, or for sentences
    unified evaluate --captions FILE --references FILE.
    """
    if captions is not None and references is not None and predictions is None and annotations is None:
        refuse(context, ["task"], "is caption where --captions are scored")
        task, predictions, annotations = "caption", captions, references
    elif captions is not None or references is not None:
        raise ConfigError("--captions and --references go together, and instead of --predictions and --annotations")
    if run is not None and predictions is None and annotations is None:
        refuse(context, ["task"], "is about --predictions; a RUN is scored in all its tasks")
        from unified.evaluate import evaluate_run

        with progress("evaluating") as report:
            scores = evaluate_run(run, overrides or (), split=split, shuffle_pictures=shuffle_pictures, progress=report)
    elif shuffle_pictures:
        raise ConfigError("--shuffle-pictures is about a RUN and its data set: a results file has no pictures")
    elif run is None and predictions is not None and annotations is not None:
        refuse(context, ["split"], "is about a RUN and its data set: a results file is scored whole")
        scores = {task: _score_files(task)(predictions, annotations)}
    else:
        raise ConfigError("evaluate needs either a RUN, or --predictions together with --annotations")
    if json:
        emit({name: _json_of(found) for name, found in scores.items()})
    else:
        _print_scores(scores)


def _json_of(found: Scores) -> dict[str, Any]:
    """The numbers by their names; beside them "tables" and "notes", where there are any."""
    beside = {"tables": found.tables, "notes": found.notes}
    return found.numbers | {name: value for name, value in beside.items() if value}


def predict(
    run: Run,
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE", help="Pictures, folders or quoted globs.")],
    out: Annotated[Path, typer.Option(help="Folder for annotated pictures, JSON lines and COCO results.")],
    score: Annotated[float, typer.Option(min=0, max=1, help="Leave out results below this score.")] = 0.25,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Annotate pictures.

    Writes annotated pictures, JSON lines and COCO results to --out; --json also prints one JSON line a picture.
    """
    from unified.ops.counted import counted
    from unified.predict import load, predict_files

    predictor = load(run, device=device)
    count = 0
    with progress("predicting") as report:
        for prediction in predict_files(predictor, sources, out=out, score=score, progress=report):
            count += 1
            if json:
                emit(prediction.to_json(), indent=None)
    if not json:
        say(f"{counted(count, 'picture')}: {out}")


def benchmark(
    context: typer.Context,
    models: Annotated[
        list[str] | None, typer.Argument(metavar="MODEL", help="Trunks, or with answers a RUN.  [default: yolor-n]")
    ] = None,
    size: Annotated[int, typer.Option(min=32, help="Side of the square input in pixels.")] = 640,
    batch: Annotated[int, typer.Option(min=1, help="Pictures a step.")] = 1,
    mode: Annotated[Mode, typer.Option(help="What to time.")] = Mode.inference,
    task: Annotated[
        list[str] | None, typer.Option(help="Heads on the trunks, with random weights.  [default: detection]")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Data set for the loader.  [default: generated shapes]")] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes of the loader.")] = 2,
    rounds: Annotated[
        int, typer.Option(min=1, help="Measurements of each variant; medians count, the fastest stands beside.")
    ] = 5,
    degrees: Annotated[
        float, typer.Option(min=0, max=180, help="Angle of the conflict that --mode joint plants.")
    ] = 120,
    vectors: Annotated[int, typer.Option(min=1000, help="Generated vectors of --mode index.")] = 1_000_000,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Time inference, training and loading.

    Everything beside a unit, timm's resnet18 in float32 at the same size, so that machines can be compared.
    With --mode answers: from pictures to results, trunk, head and decoding in each way that the task has.
    With --mode joint: what each weighting of losses costs, and what it is worth where two tasks conflict.
    With --mode index: how soon an index of many vectors is built and answers, beside FAISS alone.
    """
    refuse(context, [name for name in TIMED if name not in mode.reads()], f"says nothing about --mode {mode.value}")
    if models and mode in (Mode.loader, Mode.vectors):
        raise ConfigError(f"--mode {mode.value} has no trunk: leave out {', '.join(models)}")
    if mode is Mode.answers and any(Path(model).is_dir() for model in models or ()):
        refuse(context, ["size", "task"], "is that of the RUN, which has its own")
    if mode is Mode.vectors:
        from unified.index.measure import measure_anew

        measured = measure_anew(vectors, rounds=rounds)
        emit(measured.to_json()) if json else _print_measured(measured)
        return
    if mode is Mode.joint:
        from unified.benchmark.joint import run as run_joint

        if models and len(models) > 1:
            raise ConfigError(f"--mode joint times weightings on one trunk; got {', '.join(models)}")
        name = (models or ["yolor-n"])[0]
        found = run_joint(name, size=size, batch=batch, rounds=rounds, degrees=degrees, device=device)
        emit(found) if json else table(found)
        return
    from unified.benchmark.run import run as run_benchmark

    timings = run_benchmark(
        models or ["yolor-n"],
        size=size,
        batch=batch,
        mode=mode.value,
        tasks=task or ["detection"],
        data=data,
        workers=workers,
        rounds=rounds,
        device=device,
    )
    rows = [timing.to_json() for timing in timings]
    emit(rows) if json else table(rows)


def _print_measured(found: Measurement) -> None:
    facts = {name: value for name, value in found.to_json().items() if not isinstance(value, dict)}
    facts |= {f"build_seconds, {name}": value for name, value in found.build_seconds.items()}
    table([{"index": name, "value": value} for name, value in facts.items()])
    table(
        [
            {"search": name, "batch, queries a second": found.per_second[name], "single, ms": found.single_ms[name]}
            | {f"over FAISS, {how}": found.over.get(f"{name}, {how}", 1.0) for how in ("batch", "single")}
            for name in found.per_second
        ]
    )


def _score_files(task: str) -> Callable[[Path, Path], Scores]:
    """The task's own scoring of a results file, where it has one."""
    from unified import registry

    package = registry.load(task)
    if not callable(scorer := vars(package).get("score_files")):
        raise ConfigError(f"task {task!r} cannot score files: it offers no score_files(predictions, annotations)")
    found: Callable[[Path, Path], Scores] = scorer
    return found


def _print_gains(report: Report) -> None:
    table([asdict(gain) for gain in report.gains], title="joint against each task alone, relative gain")
    delta_m = "undefined" if report.delta_m is None else f"{100 * report.delta_m:+.2f} %"
    say(f"Δm        {delta_m}")
    say(f"run       {report.run}")


def _print_scores(scores: Mapping[str, Scores]) -> None:
    for name, found in scores.items():
        table([{"number": number, "value": value} for number, value in found.numbers.items()], title=name)
        for title, rows in found.tables.items():
            table(rows, title=f"{name}: {title.replace('_', ' ')}")
        for about, note in found.notes.items():
            say(f"{name}: {about}: {note}")
