from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.data.tiny import white_boxes
from unified.benchmark.loader import benchmark_loader
from unified.benchmark.timing import CALIBRATION
from unified.data.augment import Augment
from unified.data.loader import Loader


@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_loader_is_timed_beside_the_unit_with_the_memory_of_its_processes(workers: int, tmp_path: Path) -> None:
    loader = Loader(white_boxes(tmp_path, 8), Augment(64), batch=4, workers=workers)

    unit, row = benchmark_loader(loader, size=64, workers=workers, device=torch.device("cpu"), rounds=1, seconds=0.2)

    assert unit.variant == CALIBRATION and row.variant == f"{workers} workers"
    assert row.unit == pytest.approx(row.milliseconds / unit.milliseconds)
    assert row.peak_megabytes is None or row.peak_megabytes > 30
