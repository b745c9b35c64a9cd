from __future__ import annotations

import pytest
import torch

from unified import registry
from unified.benchmark.answers import benchmark_answers
from unified.benchmark.run import COCO
from unified.benchmark.timing import CALIBRATION
from unified.build import levels_of
from unified.model.multitask import MultiTaskModel
from unified.model.trunk import build_trunk
from unified.train.precision import Precision

CPU = torch.device("cpu")
SMALL = {"width": 16, "layers": 1, "heads": 2, "length": 4, "vocabulary": 300}


def test_answers_are_timed_in_every_way_of_decoding() -> None:
    trunk = build_trunk("yolor-n")
    options = {"detection": {}, "caption": SMALL}
    tasks = {name: registry.load(name).task(levels_of(trunk), COCO, **some) for name, some in options.items()}
    model = MultiTaskModel(trunk, tasks)
    precision = Precision.choose(CPU, "float32")
    rows = benchmark_answers("x", model, size=64, batch=2, device=CPU, precision=precision, rounds=1)
    ways = ("greedy", "greedy, no cache", "beam 3", "beam 3, no cache")
    assert [row.variant for row in rows] == [CALIBRATION, "detection: decoding", *(f"caption: {way}" for way in ways)]
    for row in rows:
        assert (row.model, row.mode, row.size, row.batch) == ("x", "answers", 64, 2)
        assert row.images_per_second == pytest.approx(2e3 / row.milliseconds)
        assert row.unit == pytest.approx(row.milliseconds / rows[0].milliseconds)
