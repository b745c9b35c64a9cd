"""The planted factor once more, through everything: drawn pictures, two trainings, the code log, the plot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from analysis import implicit
from tests.data.tiny import write_json
from tests.tiny import tiny_config
from unified.config import Config
from unified.train import checkpoint
from unified.training import train

SIDE, PICTURES = 64, 128
STRIDES = {"p3": 8, "p4": 16}
BOXES = {"p3": (10.8, 8.4), "p4": (30.0, 30.0)}  # w, h of every ellipse, by the level that it belongs to
FACTORS = {"p3": (1.8, 1.4), "p4": (1.0, 1.0)}  # planted: box over anchor
SIGMA = 0.02  # of the codes' start
NO_ANCHOR = [[300.0, 300.0]]  # p5 has no object


def draw_ellipses(root: Path, split: str, count: int) -> None:
    """One small and one large ellipse a picture, in the middle of cells, so that flips leave them there."""
    rng = np.random.default_rng(len(split))
    annotations = []
    for i in range(count):
        picture = Image.fromarray(rng.integers(90, 160, (SIDE, SIDE, 3), dtype=np.uint8))
        pen = ImageDraw.Draw(picture)
        for category, (level, (w, h)) in enumerate(BOXES.items(), start=1):
            stride = STRIDES[level]
            low, high = (2, 6) if level == "p3" else (1, 3)  # cells wholly inside
            x, y = ((int(v) + 0.5) * stride for v in rng.integers(low, high, 2))
            box = [x - w / 2, y - h / 2, w, h]
            pen.ellipse([box[0], box[1], x + w / 2, y + h / 2], fill=("white", "black")[category - 1])
            annotations.append({"id": 2 * i + category, "image_id": i, "category_id": category, "bbox": box})
        path = root / f"images/{split}/{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)
    images = [{"id": i, "file_name": f"{i}.png", "width": SIDE, "height": SIDE} for i in range(count)]
    categories = [{"id": 1, "name": "small"}, {"id": 2, "name": "large"}]
    content = {"images": images, "categories": categories, "annotations": annotations}
    write_json(root / f"annotations/instances_{split}.json", content)


def config(data: Path, anchors: list[list[float]], *more: str) -> Config:
    """Detection alone, pictures that are only flipped; an anchor takes boxes of at most 2.5 times its sides."""
    known = f"tasks.detection.anchors={json.dumps([[anchor] for anchor in anchors] + [NO_ANCHOR])}"
    still = ["augment.translate=0", "augment.scale=0", "augment.mosaic=0", "train.evaluate_every=0"]
    learning = ["train.epochs=8", "train.batch=8", "train.nominal_batch=8"]
    return tiny_config(
        data, "tasks.classification=false", known, "tasks.detection.anchor_t=2.5", *still, *learning, *more
    )


def trained_on_fitting_anchors(data: Path, root: Path) -> Path:
    """A detector without codes whose anchors are the boxes: its raw w and h are 0 wherever there is an object."""
    fitting = config(data, [list(box) for box in BOXES.values()], "tasks.detection.codes={align: null, refine: null}")
    found = checkpoint.load(train(fitting, out=root / "fitting"))
    # Without its anchors, which a warm start would take along.
    weights = {name: tensor for name, tensor in found.model.items() if not name.endswith("anchors")}
    checkpoint.save(root / "start", checkpoint.Checkpoint(weights, provenance=found.provenance))
    return root / "start"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same detector on smaller anchors, where nothing learns but the refinement codes."""
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("planted")
    data = root / "data"
    draw_ellipses(data, "train", PICTURES)
    draw_ellipses(data, "val", 8)
    start = trained_on_fitting_anchors(data, root)
    planted = [[side / k for side, k in zip(BOXES[level], FACTORS[level], strict=True)] for level in BOXES]
    frozen = ["trunk", *(f"detection.head.predict.{level}.conv" for level in ("p3", "p4", "p5"))]
    return train(
        config(
            data,
            planted,
            "tasks.detection.codes={align: null, refine: {operator: add}}",
            f"train.start={start}",
            f"train.freeze={json.dumps(frozen)}",
            "train.lr=0.05",
        ),
        out=root / "run",
    )


@pytest.fixture(scope="module")
def plotted(run: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[float]]:
    """What the plot of Figure 9 shows in its (w, h) panels, by level."""
    shown: dict[str, list[float]] = {}
    save = Figure.savefig

    def look(figure: Figure, path: Path, **options: Any) -> None:
        for axes in figure.axes:
            level, _, part = axes.get_title(loc="left").partition(" · ")
            dots = [line for line in axes.lines if line.get_linestyle() == "None"]
            if "refinement" in Path(path).name and part == "wh":
                shown[level] = [float(y) for line in dots for y in np.asarray(line.get_ydata())]
        save(figure, path, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", look)
        implicit.analyze(run, tmp_path_factory.mktemp("atlas"))
    return shown


def factor(g: float) -> float:
    """What an added code makes of an anchor's side where the convolution says 0."""
    return float((2 * torch.sigmoid(torch.tensor(g))) ** 2)


@pytest.mark.slow
def test_the_plot_shows_the_planted_factor_of_width_and_height(plotted: dict[str, list[float]]) -> None:
    found = [factor(g) for g in plotted["p3"]]
    assert found == pytest.approx(FACTORS["p3"], rel=0.1), found


@pytest.mark.slow
def test_the_plot_shows_no_shift_where_none_is_needed(run: Path, plotted: dict[str, list[float]]) -> None:
    assert all(abs(g) < 3 * SIGMA for g in plotted["p4"]), plotted
