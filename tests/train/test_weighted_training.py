"""Weightings, scales and the conflict log within a training: resumed, accumulated, in bfloat16, gone wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.train.test_trainer import Watcher, everything, stop
from tests.train.toys import ToyLoader, toy_model, toy_recipe, toy_trainer
from unified.errors import NonFiniteLossError
from unified.train import checkpoint
from unified.train.precision import Precision
from unified.train.schedule import Schedule
from unified.train.weighting.catalogue import WEIGHTINGS
from unified.train.weighting.weighting import Observed, Weighting, Weights

OWN = ("fixed", "uncertainty", "dwa", "famo", "gradnorm")
pytest.importorskip("torchjd", reason="needs the extra balance")


@pytest.mark.parametrize(
    ("weighting", "scale"), [*((name, "none") for name in WEIGHTINGS), ("fixed", "norm"), ("fixed", "log")]
)
def test_a_resumed_training_is_equal_to_the_bit(weighting: str, scale: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"weighting": weighting, "scale": scale, "look_every": 2, "recipe": toy_recipe(3)}
    toy_trainer(tmp_path / "straight", **options).fit()
    with pytest.raises(KeyboardInterrupt):
        toy_trainer(tmp_path / "run", sinks=[Watcher(5, stop())], **options).fit()
    toy_trainer(tmp_path / "run", resume=True, **options).fit()
    assert everything(tmp_path / "run") == everything(tmp_path / "straight")


@pytest.mark.parametrize("weighting", OWN[1:])
def test_what_a_weighting_has_learnt_is_in_the_checkpoint(weighting: str, tmp_path: Path) -> None:
    toy_trainer(tmp_path / "run", weighting=weighting).fit()
    saved = checkpoint.load(tmp_path / "run" / "checkpoints" / "last").train
    state = {name: value for name, value in saved.items() if name.startswith("joint/weighting.")}
    assert state and any(value.unique().numel() > 1 for value in state.values())


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_every_weighting_trains_in_bfloat16(weighting: str) -> None:
    watcher = Watcher()
    low = Precision(torch.bfloat16, torch.channels_last)
    toy_trainer(None, weighting=weighting, precision=low, sinks=[watcher], look_every=3, recipe=toy_recipe(2)).fit()
    assert len(watcher.steps) == 6 and all(record.loss is not None for record in watcher.steps)


@pytest.mark.parametrize("weighting", OWN)
def test_accumulated_batches_are_one_batch(weighting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice twelve pictures or once all of them: the same learnt weights, and the same model, to rounding."""
    monkeypatch.setattr("tests.train.toys.toy_model", toy_model_without_batch_statistics)
    pictures = ToyLoader(batches=1, batch_size=24).batch(0, 0)

    class Same(ToyLoader):
        def batch(self, epoch: int, index: int) -> Any:
            chosen = slice(index % self.batches * self.batch_size, (index % self.batches + 1) * self.batch_size)
            return type(pictures)(pictures.images[chosen], pictures.samples[chosen])

    found = []
    for batches, size in ((1, 24), (2, 12)):
        # No curve of anything: they follow the batches, of which one run has twice as many.
        constant = {"warmup_epochs": 0.0, "lr_final": 1.0, "evaluate_every": 0}
        recipe = toy_recipe(6, nominal_batch=24, loss_scale=1.0 / batches, **constant)
        trainer = toy_trainer(None, loader=Same(batches, size), recipe=recipe, weighting=weighting)
        trainer.joint.schedule = Schedule()
        trainer.fit()
        found.append(trainer)
    one, two = found
    assert one.progress.step == two.progress.step == 6
    # FAMO asks again for the last batch only.
    rtol, atol = (2e-2, 1e-3) if weighting == "famo" else (1e-3, 1e-5)
    for left, right in (
        (one.bare.state_dict(), two.bare.state_dict()),
        (one.joint.state_dict(), two.joint.state_dict()),
    ):
        for name, value in left.items():
            torch.testing.assert_close(value, right[name], equal_nan=True, rtol=rtol, atol=atol)


def toy_model_without_batch_statistics() -> Any:
    model = toy_model()
    model.trunk.norm, model.trunk.drop = torch.nn.Identity(), torch.nn.Identity()
    return model


class Broken(Weighting):
    """A weighting that loses its mind with the third batch."""

    calls = 0

    def forward(self, observed: Observed) -> Weights:
        self.calls += 1
        return dict.fromkeys(observed.losses, float("nan") if self.calls > 2 else 1.0)


def test_a_weighting_that_returns_nan_stops_before_the_step(tmp_path: Path) -> None:
    trainer = toy_trainer(tmp_path / "run", recipe=toy_recipe(checkpoint_steps=1))
    trainer.joint.weighting = Broken(("bright", "rare"))
    with pytest.raises(NonFiniteLossError, match=r"epoch 1, update 2.*joint\.weighting gives the tasks, bright = nan"):
        trainer.fit()
    last = checkpoint.load(tmp_path / "run" / "checkpoints" / "last")
    assert trainer.bare.get_parameter("trunk.conv.weight").equal(last.train["weights/trunk.conv.weight"])


def test_conflict_is_logged_every_so_often_and_changes_nothing_else(tmp_path: Path) -> None:
    toy_trainer(tmp_path / "silent").fit()
    toy_trainer(tmp_path / "run", look_every=4).fit()
    lines, silent = (
        [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        for name in ("run", "silent")
    )
    looked = [line["step"] for line in lines if line["kind"] == "step" and "conflict/norm/p3/bright" in line]
    assert looked == [4, 8, 12]
    both = [line for line in lines if "conflict/cosine/p3/bright/rare" in line]
    assert both and all(-1 <= line["conflict/cosine/p3/bright/rare"] <= 1 for line in both)
    assert [{k: v for k, v in line.items() if not k.startswith("conflict/")} for line in lines] == silent


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_a_task_absent_from_most_batches_hurts_nobody(weighting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = Watcher()
    trainer = toy_trainer(None, weighting=weighting, sinks=[watcher], recipe=toy_recipe(2, nominal_batch=2))
    rare, calls = trainer.bare.task("rare"), 0
    encode = rare.encode

    def mostly_unlabelled(samples: Any) -> dict[str, Tensor]:
        nonlocal calls
        calls += 1
        target = encode(samples)
        return target if calls % 4 == 0 else target | {"labelled": torch.zeros_like(target["labelled"])}

    monkeypatch.setattr(rare, "encode", mostly_unlabelled)
    trainer.fit()
    assert all("bright" in record.weights for record in watcher.steps)
    assert 0 < sum("rare" in record.weights for record in watcher.steps) <= 2
