"""A small trunk's levels, three classes, and samples made of plain numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from tasks.detection import Detection, task
from unified.data.sample import Labels, Objects, Record, Sample, Taxonomy
from unified.ops.frame import Frame
from unified.task import Levels

MakeSample = Callable[..., Sample]


@pytest.fixture
def levels() -> Levels:
    return Levels(
        channels={"p3": 6, "p4": 8, "p5": 10},
        strides={"p3": 8, "p4": 16, "p5": 32},
        anchors={
            "p3": ((12, 16), (19, 36), (40, 28)),
            "p4": ((36, 75), (76, 55), (72, 146)),
            "p5": ((142, 110), (192, 243), (459, 401)),
        },
    )


@pytest.fixture
def taxonomy() -> Taxonomy:
    return Taxonomy(("cat", "dog", "owl"), (1, 5, 7))


@pytest.fixture
def detection(levels: Levels, taxonomy: Taxonomy) -> Detection:
    torch.manual_seed(0)
    return task(levels, taxonomy)


@pytest.fixture
def make_sample() -> MakeSample:
    """Sample of rows (x1, y1, x2, y2, category) in input pixels, the picture being twice as large; None: unlabelled."""

    def make(
        rows: Sequence[tuple[float, float, float, float, int]] | None,
        *,
        crowd: Sequence[bool] | None = None,
        size: tuple[int, int] = (192, 128),
        image_id: int | str = 1,
    ) -> Sample:
        width, height = size
        original = (2 * width, 2 * height)
        labels = truth = Labels()
        if rows is not None:
            table = torch.tensor(rows, dtype=torch.float64).reshape(-1, 5)
            regions = None if crowd is None else torch.tensor(crowd)
            labels = Labels(Objects.make(table[:, :4].float(), table[:, 4], (height, width), crowd=regions))
            truth = Labels(Objects.make(table[:, :4] * 2, table[:, 4], original[::-1], crowd=regions))
        return Sample(
            torch.zeros(3, height, width, dtype=torch.uint8),
            labels,
            Frame.letterbox(original, size),
            Record(image_id, Path(f"{image_id}.jpg"), original, truth),
        )

    return make
