from __future__ import annotations

import json
from functools import partial

import pytest
import torch
from torch import nn

from tests.tiny import TinyRun
from unified.benchmark import run as benchmark
from unified.benchmark.run import COCO, _model, planted_samples, run
from unified.benchmark.timing import CALIBRATION
from unified.errors import ConfigError


def test_planted_samples_are_labelled_inside_the_picture_and_always_the_same() -> None:
    samples = planted_samples(3, 128, COCO)
    assert len(samples) == 3
    for sample, again in zip(samples, planted_samples(3, 128, COCO), strict=True):
        objects, others = sample.labels.objects, again.labels.objects
        assert objects is not None and others is not None and len(objects) == 8
        assert torch.equal(objects.boxes, others.boxes)
        assert (objects.boxes >= 0).all() and (objects.boxes <= 128).all()
        assert (objects.boxes[:, 2:] > objects.boxes[:, :2]).all()


@pytest.mark.parametrize("mode", ["inference", "train"])
def test_a_real_run_gives_ratios_to_the_unit_and_to_float32(mode: str) -> None:
    rows = {row.variant: row for row in run(["yolor-n"], size=64, batch=2, mode=mode, rounds=1, device="cpu")}
    unit, plain = rows[CALIBRATION], rows["float32"]
    assert (unit.unit, unit.speedup, plain.speedup) == (1.0, None, 1.0)
    assert len(rows) == (4 if mode == "inference" else 3)
    for row in rows.values():
        assert (row.model, row.mode, row.size, row.batch) == ("yolor-n", mode, 64, 2)
        assert row.images_per_second == pytest.approx(2e3 / row.milliseconds)
        assert row.unit == pytest.approx(row.milliseconds / unit.milliseconds)
        if row.speedup is not None:
            assert row.speedup == pytest.approx(plain.milliseconds / row.milliseconds)
            assert row.fastest_speedup == row.speedup  # of one round
        json.dumps(row.to_json())
    if mode == "inference":
        (difference,) = [row.difference for row in rows.values() if row.difference is not None]
        assert difference < 0.1


def test_a_model_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ConfigError, match="yolor"):
        run(["yolor-m"], size=64)


def test_training_targets_are_those_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tasks at once: every loss part is finite on planted labels."""
    model: nn.Module = _model("yolor-n", ("detection", "classification"))
    samples = planted_samples(2, 64, COCO)
    targets = {name: model.task(name).encode(samples) for name in model.tasks}  # type: ignore[operator,union-attr]
    losses = model(torch.rand(2, 3, 64, 64), targets)
    assert all(torch.isfinite(value) for parts in losses.values() for value in parts.values())


@pytest.mark.parametrize("task", ["embedding", "caption"])
def test_training_steps_of_every_task_are_timed(task: str) -> None:
    rows = run(["yolor-n"], size=64, batch=1, mode="train", tasks=(task,), rounds=1, device="cpu")
    assert len(rows) == 3 and all(row.milliseconds > 0 for row in rows)


def test_a_task_without_a_loss_on_planted_labels_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "planted_samples", partial(planted_samples, objects=0))
    with pytest.raises(ConfigError, match="step of embedding cannot be timed"):
        run(["yolor-n"], size=64, mode="train", tasks=("detection", "embedding"), rounds=1, device="cpu")


def test_answers_of_a_run_are_timed_at_its_own_size(tiny_run: TinyRun) -> None:
    rows = run([str(tiny_run.path)], mode="answers", rounds=1, device="cpu")
    assert {row.variant for row in rows} >= {"detection: decoding", "classification: decoding"}
    assert {row.size for row in rows} == {64}
