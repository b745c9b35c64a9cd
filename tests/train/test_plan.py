"""A recipe knows how short a run is."""

from __future__ import annotations

import pytest

from unified.errors import DataError
from unified.train.plan import Recipe, plan


def test_the_reference_schedule_is_left_alone() -> None:
    coco = plan(Recipe(), batches=14786, batch=8)
    assert coco.accumulate == 8
    assert coco.warmup == 3 * 14786
    assert coco.update_share == 1
    assert (coco.ema_decay, coco.ema_tau) == (0.9999, 2000)
    assert coco.loss_scale == 8


def test_a_short_run_gets_short_parts() -> None:
    bccd = plan(Recipe(epochs=20), batches=26, batch=8)
    assert (bccd.iterations, bccd.updates, bccd.accumulate) == (520, 520, 1)
    assert bccd.warmup == 52, "a tenth of the run, not its 1000 iterations"
    assert bccd.update_share == pytest.approx(1 / 8)
    assert bccd.ema_decay == pytest.approx(1 - 1 / 26), "reaches back over a twentieth of the run"
    assert bccd.ema_tau == 52


def test_accumulation_leaves_at_least_a_thousand_updates() -> None:
    run = plan(Recipe(epochs=10), batches=350, batch=4)
    assert run.accumulate == 3
    assert run.updates == 10 * 117 >= 1000, "an epoch's last update may be a partial one"


def test_a_nominal_batch_that_was_asked_for_is_kept() -> None:
    run = plan(Recipe(epochs=1, nominal_batch=32), batches=10, batch=8)
    assert run.accumulate == 4
    assert run.updates == 3
    assert run.update_share == 1
    assert [run.ends_update(i) for i in range(10)] == [False] * 3 + [True] + [False] * 3 + [True] + [False, True]


def test_a_batch_above_the_nominal_one_is_an_update() -> None:
    run = plan(Recipe(), batches=1000, batch=128)
    assert run.accumulate == 1
    assert run.update_share == pytest.approx(2)


def test_a_warm_up_that_was_asked_for_is_kept_within_the_run() -> None:
    assert plan(Recipe(epochs=10, warmup_epochs=2), batches=10, batch=8).warmup == 20
    assert plan(Recipe(epochs=1, warmup_epochs=2), batches=10, batch=8).warmup == 10
    assert plan(Recipe(epochs=10, warmup_epochs=0), batches=10, batch=8).warmup == 0


@pytest.mark.parametrize("batches", [1, 2, 100])
def test_two_steps_are_a_run_too(batches: int) -> None:
    run = plan(Recipe(epochs=2, max_steps=2), batches=batches, batch=1)
    assert run.updates == 2
    assert run.warmup == 0
    assert run.progress(0) == 0
    assert run.progress(run.iterations) == 1
    assert 0 <= run.ema_decay < 1 <= run.ema_tau


@pytest.mark.parametrize("batches", [4, 5, 7, 9, 33])
def test_the_schedule_ends_with_the_steps_that_were_asked_for(batches: int) -> None:
    run = plan(Recipe(epochs=100, max_steps=20, nominal_batch=4), batches=batches, batch=1)
    updates, iterations = 0, 0
    while updates < 20:
        updates += run.ends_update(iterations % batches)
        iterations += 1
    assert run.accumulate == 4 and run.iterations == iterations
    assert run.epochs == -(-iterations // batches)


def test_a_loader_without_a_batch_is_an_error() -> None:
    with pytest.raises(DataError, match="not one batch"):
        plan(Recipe(), batches=0, batch=8)


def test_the_description_names_what_was_fitted() -> None:
    assert "520 updates of 8 pictures, warm-up 52 batches" in plan(Recipe(epochs=20), batches=26, batch=8).describe()
