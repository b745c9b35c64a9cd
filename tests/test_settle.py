from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tasks.embedding import Embedding
from tests.tiny import TinyRun, straight_and_resumed, tiny_config, train_quietly
from unified import settle as module
from unified.build import build_model, load_model, validation_loader
from unified.build_data import open_data
from unified.config import Config
from unified.data.dataset import Dataset
from unified.data.loader import Loader
from unified.data.sample import Batch
from unified.settle import settle, some_pictures
from unified.task import Target
from unified.train.ema import Ema
from unified.train.precision import Precision

CPU = torch.device("cpu")
WHITENED = ("tasks.classification=false", "tasks.embedding={whiten: 0.1, dimension: 8}")


def as_they_are(config: Config, dataset: Dataset) -> Loader:
    return validation_loader(dataset, size=config.size, batch=4, workers=0, device=CPU)


def test_only_tasks_that_want_to_look_do(tiny_run: TinyRun, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny_config(tiny_run.data, "tasks.embedding={dimension: 8}")
    train_set = open_data(config, "train")
    model = build_model(config, train_set.taxonomy).eval()

    def nothing() -> Iterator[Batch]:
        raise AssertionError("nobody asked to see pictures")

    settle(model, nothing, Precision.choose(CPU))
    looked: list[tuple[Any, Target]] = []

    def look(answers: Iterable[tuple[Any, Target]]) -> None:
        looked.extend(answers)

    monkeypatch.setattr(model.task("detection"), "settled", ("anchors",))
    monkeypatch.setattr(model.task("detection"), "settle", look)
    settle(model, lambda: as_they_are(config, train_set).epoch(0), Precision.choose(CPU))
    assert [len(target["labelled"]) for _, target in looked] == [4, 4]
    assert all(not level.requires_grad for raw, _ in looked for level in raw)


def test_of_a_large_set_the_same_random_pictures_are_looked_at_each_time(
    tiny_run: TinyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_set = open_data(tiny_config(tiny_run.data), "train")
    assert some_pictures(train_set) is train_set
    monkeypatch.setattr(module, "PICTURES", 5)
    one, other = ([few.record(i).path for i in range(len(few))] for few in map(some_pictures, [train_set] * 2))
    assert one == other and len(set(one)) == 5
    assert set(one) < {train_set.record(i).path for i in range(len(train_set))}


def test_a_checkpoint_holds_what_was_measured_with_its_weights(tiny_run: TinyRun, tmp_path: Path) -> None:
    config = tiny_config(tiny_run.data, *WHITENED, "train.epochs=2")
    train_quietly(config, tmp_path / "run")
    model, *_ = load_model(tmp_path / "run" / "checkpoints" / "last")
    task = model.eval().task("embedding")
    assert isinstance(task, Embedding) and task.whitening is not None
    kept = task.whitening.within.clone()
    assert not torch.equal(kept, torch.eye(8))
    task.whitening.within.copy_(torch.eye(8))
    pictures = as_they_are(config, open_data(config, "train"))
    settle(model, lambda: pictures.epoch(0), Precision.choose(CPU, config.train.precision))
    torch.testing.assert_close(task.whitening.within, kept, rtol=1e-3, atol=1e-7)


def test_what_was_measured_stands_until_the_next_evaluation(tiny_run: TinyRun, tmp_path: Path) -> None:
    config = tiny_config(tiny_run.data, *WHITENED, "train.epochs=2")
    train_quietly(config, tmp_path / "run")
    evaluated = load_model(tmp_path / "run")[0]
    keys = evaluated.settled()
    assert keys == {"tasks.embedding.whitening.mean", "tasks.embedding.whitening.within"}
    ema = Ema(evaluated, decay=0.9, tau=1.0, own=keys)
    trained = build_model(config, open_data(config, "train").taxonomy)
    ema.update(trained)
    for key in keys:
        assert ema.model.state_dict()[key].equal(evaluated.state_dict()[key])
        assert not trained.state_dict()[key].equal(evaluated.state_dict()[key])


def test_a_resumed_training_that_settles_is_equal_to_the_bit(tiny_run: TinyRun, tmp_path: Path) -> None:
    config = tiny_config(tiny_run.data, *WHITENED, "train.epochs=2", "train.checkpoint_every=1")
    one, other = straight_and_resumed(config, tmp_path, after=3)
    assert all(value.equal(other.model[name]) for name, value in one.model.items())
    assert one.progress.scores == other.progress.scores
