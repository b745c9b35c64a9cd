from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tasks.embedding import Embedding
from tests.tiny import TinyRun, straight_and_resumed, tiny_config, train_quietly
from unified import settle as module
from unified.build import build_model, load_model, training_loader
from unified.build_data import open_data
from unified.data.sample import Batch
from unified.settle import settle
from unified.task import Target
from unified.train.precision import Precision

CPU = torch.device("cpu")
WHITENED = ("tasks.classification=false", "tasks.embedding={whiten: 0.1, dimension: 8}")


def test_only_tasks_that_want_to_look_do(tiny_run: TinyRun, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny_config(tiny_run.data, "tasks.embedding={dimension: 8}")
    model = build_model(config, open_data(config, "train").taxonomy).eval()

    def no_epoch(number: int) -> Iterator[Batch]:
        raise AssertionError(f"nobody asked for epoch {number}")

    settle(model, no_epoch, Precision.choose(CPU))
    looked: list[tuple[Any, Target]] = []

    def look(answers: Iterable[tuple[Any, Target]]) -> None:
        looked.extend(answers)

    monkeypatch.setattr(module, "PICTURES", 12)
    monkeypatch.setattr(model.task("detection"), "settles", True)
    monkeypatch.setattr(model.task("detection"), "settle", look)
    shown: list[int] = []

    def epoch(number: int) -> Iterator[Batch]:
        shown.append(number)
        return training_loader(config, open_data(config, "train"), CPU).epoch(number)

    settle(model, epoch, Precision.choose(CPU))
    assert shown == [0, 1], "eight pictures an epoch"
    assert [len(target["labelled"]) for _, target in looked] == [4, 4, 4]
    assert all(not level.requires_grad for raw, _ in looked for level in raw)


def test_a_checkpoint_holds_what_was_measured_with_its_weights(
    tiny_run: TinyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PICTURES", 48)
    config = tiny_config(tiny_run.data, *WHITENED, "train.epochs=2")
    train_quietly(config, tmp_path / "run")
    model, *_ = load_model(tmp_path / "run" / "checkpoints" / "last")
    task = model.eval().task("embedding")
    assert isinstance(task, Embedding) and task.whitening is not None
    kept = task.whitening.within.clone()
    assert not torch.equal(kept, torch.eye(8))
    loader = training_loader(
        config, train_set := open_data(config, "train"), CPU, kinship=task.kinship(train_set.records("embedding"))
    )
    task.whitening.within.copy_(torch.eye(8))
    settle(model, loader.epoch, Precision.choose(CPU))
    torch.testing.assert_close(task.whitening.within, kept, rtol=1e-3, atol=1e-7)


def test_a_resumed_training_that_settles_is_equal_to_the_bit(
    tiny_run: TinyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PICTURES", 12)
    config = tiny_config(tiny_run.data, *WHITENED, "train.epochs=2", "train.checkpoint_every=1")
    one, other = straight_and_resumed(config, tmp_path, after=3)
    assert all(value.equal(other.model[name]) for name, value in one.model.items())
    assert one.progress.scores == other.progress.scores
