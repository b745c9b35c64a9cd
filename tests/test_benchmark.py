from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from unified.benchmark import (
    CALIBRATION,
    COCO,
    peak_memory,
    planted_samples,
    relative_difference,
    run,
    time_in_turns,
)
from unified.errors import ConfigError

CPU = torch.device("cpu")


def test_variants_are_timed_in_turns_after_one_call_each_and_medians_count(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, order = [0.0], []
    durations = {"a": iter([99, 1, 5, 3]), "b": iter([99, 20, 10, 40])}

    def call(name: str) -> None:
        order.append(name)
        clock[0] += next(durations[name])

    monkeypatch.setattr("unified.benchmark.time.perf_counter", lambda: clock[0])
    found = time_in_turns({name: lambda name=name: call(name) for name in durations}, CPU, rounds=3)  # type: ignore[misc]
    assert order == ["a", "b"] * 4
    assert found == {"a": 3000.0, "b": 20000.0}


def test_planted_samples_are_labelled_inside_the_picture_and_always_the_same() -> None:
    samples = planted_samples(3, 128, COCO)
    assert len(samples) == 3
    for sample, again in zip(samples, planted_samples(3, 128, COCO), strict=True):
        objects, others = sample.labels.objects, again.labels.objects
        assert objects is not None and others is not None and len(objects) == 8
        assert torch.equal(objects.boxes, others.boxes)
        assert (objects.boxes >= 0).all() and (objects.boxes <= 128).all()
        assert (objects.boxes[:, 2:] > objects.boxes[:, :2]).all()


def test_differences_are_counted_in_standard_deviations_over_nested_outputs() -> None:
    a = torch.randn(1000)
    assert relative_difference(a, a) == 0
    assert relative_difference({"x": [a, a]}, {"x": [a, a + 0.5 * a.std()]}) == pytest.approx(0.5, rel=1e-4)


def test_the_peak_memory_of_a_call_is_that_of_its_own_process() -> None:
    peak = peak_memory(lambda: torch.ones(2**26).sum(), CPU)  # 256 MB
    assert peak is None or peak > 256


def test_a_call_that_dies_has_no_peak() -> None:
    def die() -> None:
        raise SystemExit(1)

    assert peak_memory(die, CPU) is None


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
        json.dumps(row.to_json())
    if mode == "inference":
        (difference,) = [row.difference for row in rows.values() if row.difference is not None]
        assert difference < 0.1


def test_a_model_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ConfigError, match="yolor"):
        run(["yolor-m"], size=64)


def test_training_targets_are_those_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tasks at once: every loss part is finite on planted labels."""
    from unified.benchmark import _model

    model: nn.Module = _model("yolor-n", ("detection", "classification"))
    samples = planted_samples(2, 64, COCO)
    targets = {name: model.task(name).encode(samples) for name in model.tasks}  # type: ignore[operator,union-attr]
    losses = model(torch.rand(2, 3, 64, 64), targets)
    assert all(torch.isfinite(value) for parts in losses.values() for value in parts.values())
