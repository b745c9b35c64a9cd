"""A tiny task and a few labelled pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tasks.caption import Captioning, task
from unified.data.sample import Labels, Record, Sample, Taxonomy
from unified.ops.frame import Frame
from unified.task import Levels

LEVELS = Levels({"p3": 8, "p4": 12}, {"p3": 8, "p4": 16}, {"p3": ((8, 8),), "p4": ((16, 16),)})
TINY = {"width": 16, "layers": 2, "heads": 2, "vocabulary": 320, "length": 12, "grid": 3, "dropout": 0.0}
CAPTIONS = ("A red star left of a blue ring.", "two shapes", "a red star", "a blue ring on grass")


def make_sample(*captions: str, labelled: bool = True) -> Sample:
    labels = Labels(captions=captions if labelled else None)
    record = Record(1, Path("1.jpg"), (64, 48), labels)
    return Sample(torch.zeros(3, 48, 64, dtype=torch.uint8), labels, Frame.identity((64, 48)), record)


def make_features(batch: int) -> dict[str, Tensor]:
    return {"p3": torch.randn(batch, 8, 6, 8), "p4": torch.randn(batch, 12, 3, 4)}


@pytest.fixture(scope="session")
def make() -> Callable[..., Captioning]:
    """A tiny task of these options, fitted to CAPTIONS."""

    def fitted(**options: Any) -> Captioning:
        made = task(LEVELS, Taxonomy((), ()), **(TINY | options))
        made.prepare([make_sample(*CAPTIONS).record] * 3, 64)
        return made

    return fitted
