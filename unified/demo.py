"""The demo: make a data set, train detection and classification together on it, score, annotate pictures.

Everything is in one folder: `data/`, `run/`, `predictions/`, `demo.png`, the pictures worth looking at, and `atlas/`,
what the codes learnt.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from unified.build import load_model
from unified.config import read
from unified.data.dataset import open_dataset
from unified.data.picture import open_picture
from unified.data.shapes import make_shapes
from unified.data.workers import worker_context
from unified.errors import ConfigError
from unified.evaluate import evaluate_run
from unified.ops.canvas import contact_sheet
from unified.predict import load, predict_files
from unified.task import Scores
from unified.training import train

CONFIG = "jdc-shapes"
SHOWN = 12  # pictures of the contact sheet
COLUMNS = 4
CELL = 360  # pixels of a picture on it
PICTURE = 192  # side of a generated picture in pixels


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo made."""

    scores: Mapping[str, Scores]
    run: Path
    sheet: Path
    report: Path | None = None


def run_demo(
    out: Path,
    *,
    epochs: int | None = None,
    pictures: tuple[int, int] = (1600, 200),
    console: Console | None = None,
    plot: Callable[[Path, Path], Path] | None = None,
    look: Callable[[Path, Path], Path] | None = None,
) -> Demo:
    """Run the whole demo in the folder `out`; what is already there from an earlier call is used again.

    `pictures` are made for train and val. `plot` draws the curves of a run folder into a file,
    `look` writes a report on what the run's codes learnt into a folder.
    """
    console = console or Console(stderr=True)
    data, run = out / "data", out / "run"
    worker_context()  # the training will need it, and it takes seconds to start
    console.rule("1 of 5 · making pictures")
    make_shapes(data, train=pictures[0], val=pictures[1], size=PICTURE)
    console.print(open_dataset(data, "train").summary(), markup=False, highlight=False, soft_wrap=True)
    console.rule("2 of 5 · training detection and classification on one trunk")
    overrides = [f"data={data}"] + ([] if epochs is None else [f"train.epochs={epochs}"])
    config = read(CONFIG, overrides)
    state = json.loads((run / "status.json").read_text())["state"] if (run / "status.json").is_file() else None
    if state != "finished":
        train(config, out=run, resume=state is not None, console=console)
    elif load_model(run)[1].model_copy(update={"data": config.data}) != config:
        raise ConfigError(f"{run} holds a demo with other settings; remove {out}, or choose another folder with --out")
    console.rule("3 of 5 · scoring the best checkpoint on val")
    scores = evaluate_run(run)
    console.rule("4 of 5 · annotating pictures")
    sheet = _annotate(run, data, out)
    if plot is not None:
        plot(run, out / "curves.png")
    console.rule("5 of 5 · looking at what the codes learnt")
    report = None if look is None else look(run, out / "atlas")
    return Demo(scores, run, sheet, report)


def _annotate(run: Path, data: Path, out: Path) -> Path:
    """Annotate every val picture, and the first of them as one contact sheet."""
    predictions = out / "predictions"
    found = list(predict_files(load(run), [data / "images" / "val"], out=predictions))
    names = [predictions / "pictures" / f"{Path(prediction.source).stem}.jpg" for prediction in found[:SHOWN]]
    sheet = out / "demo.png"
    contact_sheet([open_picture(name) for name in names], columns=COLUMNS, cell=CELL).save(sheet)
    return sheet
