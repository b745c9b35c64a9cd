"""The loop: what a step is, when it stops, and that it goes on as if it had not."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.train.toys import ToyLoader, ToyTask, toy_model, toy_recipe, toy_scores, toy_trainer
from unified.data.sample import Batch, network_input
from unified.errors import CheckpointError, DataError, NonFiniteLossError
from unified.model.multitask import MultiTaskModel
from unified.task import Scores
from unified.train import checkpoint
from unified.train.log import EpochRecord, StepRecord
from unified.train.plan import Plan
from unified.train.ranks import Ranks

UPDATES = 12  # of the toy recipe: 4 epochs of 5 batches, two an update and the fifth alone


class Watcher:
    """A sink that remembers, and does something after one of the updates."""

    def __init__(self, at: int = 0, then: Callable[[], None] = lambda: None) -> None:
        self.at = at
        self.then = then
        self.steps: list[StepRecord] = []
        self.epochs: list[EpochRecord] = []
        self.closed = False

    def start(self, plan: Plan, step: int) -> None:
        self.plan = plan

    def step(self, record: StepRecord) -> None:
        self.steps.append(record)
        if record.step == self.at:
            self.then()

    def epoch(self, record: EpochRecord) -> None:
        self.epochs.append(record)

    def close(self) -> None:
        self.closed = True


def stop(number: signal.Signals = signal.SIGTERM) -> Callable[[], None]:
    return lambda: signal.raise_signal(number)


def fail() -> None:
    raise RuntimeError("the power went")


def everything(run: Path) -> dict[str, bytes]:
    """All that a resumed training must have in common with one that was never stopped."""
    found = {name: (run / name).read_bytes() for name in ("metrics.jsonl", "metrics.csv")}
    for name in ("best/model", "last/model", "last/train"):
        found[name] = (run / "checkpoints" / f"{name}.safetensors").read_bytes()
    for name in ("best", "last"):
        found[f"{name}/state"] = (run / "checkpoints" / name / "state.json").read_bytes()
    return found


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    run = tmp_path_factory.mktemp("straight") / "run"
    toy_trainer(run).fit()
    return everything(run)


# --- stopping and going on ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", range(1, UPDATES + 1))
def test_an_interrupted_training_goes_on_to_the_bit(at: int, tmp_path: Path, straight: dict[str, bytes]) -> None:
    with pytest.raises(KeyboardInterrupt):
        toy_trainer(tmp_path / "run", sinks=[Watcher(at, stop())]).fit()
    last = checkpoint.load(tmp_path / "run" / "checkpoints" / "last")
    assert last.progress.step == at, "the update was finished, and no other begun"
    assert json.loads((tmp_path / "run" / "status.json").read_text())["state"] == "interrupted"
    toy_trainer(tmp_path / "run", resume=True).fit()
    assert everything(tmp_path / "run") == straight


def test_a_training_interrupted_again_and_again_too(tmp_path: Path, straight: dict[str, bytes]) -> None:
    for at in (2, 3, 4, 9):
        with pytest.raises(KeyboardInterrupt):
            toy_trainer(tmp_path / "run", resume=at > 2, sinks=[Watcher(at, stop(signal.SIGINT))]).fit()
    toy_trainer(tmp_path / "run", resume=True).fit()
    assert everything(tmp_path / "run") == straight


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_so_does_one_with_another_optimiser(optimizer: str, tmp_path: Path) -> None:
    recipe = toy_recipe(optimizer=optimizer)
    toy_trainer(tmp_path / "straight", recipe=recipe).fit()
    with pytest.raises(KeyboardInterrupt):
        toy_trainer(tmp_path / "run", recipe=recipe, sinks=[Watcher(5, stop())]).fit()
    toy_trainer(tmp_path / "run", recipe=recipe, resume=True).fit()
    assert everything(tmp_path / "run") == everything(tmp_path / "straight")


@pytest.mark.parametrize("at", [1, 5, 6, 7, 11])
def test_a_training_that_died_goes_on_from_its_last_checkpoint(
    at: int, tmp_path: Path, straight: dict[str, bytes]
) -> None:
    recipe = toy_recipe(checkpoint_steps=2)
    with pytest.raises(RuntimeError, match="power"):
        toy_trainer(tmp_path / "run", recipe=recipe, sinks=[Watcher(at, fail)]).fit()
    status = json.loads((tmp_path / "run" / "status.json").read_text())
    assert status["state"] == "failed" and "the power went" in status["error"]
    toy_trainer(tmp_path / "run", resume=True, recipe=recipe).fit()
    assert everything(tmp_path / "run") == straight


@pytest.mark.parametrize("epoch", [1, 4])
def test_an_evaluation_that_is_interrupted_does_not_cost_its_epoch(
    epoch: int, tmp_path: Path, straight: dict[str, bytes]
) -> None:
    evaluations = 0

    def interrupted(model: MultiTaskModel) -> dict[str, Scores]:
        nonlocal evaluations
        evaluations += 1
        if evaluations == epoch:
            signal.raise_signal(signal.SIGTERM)
            pytest.fail("an evaluation is left at once")
        return toy_scores(model)

    with pytest.raises(KeyboardInterrupt):
        toy_trainer(tmp_path / "run", evaluate=interrupted).fit()
    assert checkpoint.load(tmp_path / "run" / "checkpoints" / "last").progress.step == 3 * epoch
    toy_trainer(tmp_path / "run", resume=True).fit()
    assert everything(tmp_path / "run") == straight


def test_an_evaluation_that_fails_does_not_cost_its_epoch(tmp_path: Path, straight: dict[str, bytes]) -> None:
    def broken(model: MultiTaskModel) -> dict[str, Scores]:
        torch.rand(7)
        raise ValueError("no such metric")

    with pytest.raises(ValueError, match="no such metric"):
        toy_trainer(tmp_path / "run", evaluate=broken).fit()
    toy_trainer(tmp_path / "run", resume=True).fit()
    assert everything(tmp_path / "run") == straight


def test_a_signal_that_ends_the_loader_too_is_an_interruption(tmp_path: Path, straight: dict[str, bytes]) -> None:
    class Loader(ToyLoader):
        def batch(self, epoch: int, index: int) -> Batch:
            if (epoch, index) == (1, 1):  # in the middle of an update
                signal.raise_signal(signal.SIGINT)
                raise DataError("a loader worker died")
            return super().batch(epoch, index)

    with pytest.raises(KeyboardInterrupt):
        toy_trainer(tmp_path / "run", loader=Loader()).fit()
    toy_trainer(tmp_path / "run", resume=True).fit()
    assert everything(tmp_path / "run") == straight


def test_a_second_signal_leaves_at_once(tmp_path: Path) -> None:
    def twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        toy_trainer(tmp_path / "run", sinks=[Watcher(5, twice)]).fit()
    assert checkpoint.load(tmp_path / "run" / "checkpoints" / "last").progress.step == 3, "that of the epoch before"


def test_a_finished_training_has_nothing_left_to_do(tmp_path: Path, straight: dict[str, bytes]) -> None:
    toy_trainer(tmp_path / "run").fit()
    watcher = Watcher()
    toy_trainer(tmp_path / "run", resume=True, sinks=[watcher]).fit()
    assert not watcher.steps
    assert everything(tmp_path / "run") == straight


def test_epochs_may_be_added_on_resume(tmp_path: Path) -> None:
    toy_trainer(tmp_path / "run", recipe=toy_recipe(2)).fit()
    watcher = Watcher()
    progress = toy_trainer(tmp_path / "run", resume=True, recipe=toy_recipe(3), sinks=[watcher]).fit()
    assert (progress.epoch, progress.step) == (3, 9)
    assert [record.step for record in watcher.steps] == [7, 8, 9]


@pytest.mark.parametrize(("batch_size", "batches"), [(1, 10), (2, 5), (4, 3)])
def test_in_batches_of_another_size_an_epoch_goes_on_where_it_stopped(
    batch_size: int, batches: int, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):  # after two batches of two pictures
        toy_trainer(tmp_path, sinks=[Watcher(1, stop())]).fit()
    trainer = toy_trainer(tmp_path, resume=True, loader=ToyLoader(batches, batch_size))
    assert (trainer.progress.batch, trainer.progress.pictures) == (4 // batch_size, batch_size)
    assert trainer.fit().epoch == 4


def test_a_signal_while_processes_agree_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def signalled(ranks: Ranks, flag: bool) -> bool:
        signal.raise_signal(signal.SIGTERM)
        return flag  # what was asked before the signal came

    monkeypatch.setattr(Ranks, "any", signalled)
    with pytest.raises(KeyboardInterrupt):
        toy_trainer(tmp_path).fit()
    assert checkpoint.load(tmp_path / "checkpoints" / "last").progress.step == 1


def test_famo_looks_back_at_the_same_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[dict[str, float]] = []
    trainer = toy_trainer(None, recipe=toy_recipe(1, max_steps=1, nominal_batch=2), weighting="famo")
    trainer.bare.train()  # with dropout, and nothing learnt in between
    monkeypatch.setattr(trainer.optimizer, "step", lambda: None)
    # A norm counts its batches; a loss that remembers past vectors must not find the batch itself among them either.
    counter = next(buffer for name, buffer in trainer.bare.named_buffers() if name.endswith("num_batches_tracked"))
    forward = MultiTaskModel.forward

    def watched(model: MultiTaskModel, images: Tensor, targets: Any = None) -> Any:
        before = float(counter)
        answer = forward(model, images, targets)
        looks.append({task: float(parts["fit"].detach()) + before for task, parts in answer.items() if parts})
        return answer

    monkeypatch.setattr(MultiTaskModel, "forward", watched)
    trainer.fit()
    assert len(looks) == 2 and looks[0] == looks[1]
    assert counter == 1, "a second look is not a second picture of the data"


def test_a_damaged_checkpoint_is_not_gone_on_from(tmp_path: Path) -> None:
    toy_trainer(tmp_path / "run", recipe=toy_recipe(1)).fit()
    (tmp_path / "run" / "checkpoints" / "last" / "train.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match="damaged"):
        toy_trainer(tmp_path / "run", resume=True)


# --- steps ----------------------------------------------------------------------------------------------------------


def test_an_update_is_the_reference_step_written_out() -> None:
    """Two batches of two, each loss mean × batch size, summed; one step of Nesterov's SGD in the warm-up."""
    loader, recipe = ToyLoader(batches=2), toy_recipe(1)
    trainer = toy_trainer(None, loader=loader, recipe=recipe)
    trainer.model.eval()  # no dropout, frozen statistics: the sum below is all there is
    trainer.model.train = lambda mode=True: trainer.model  # type: ignore[method-assign]
    twin = toy_model().eval()
    total = torch.zeros(())
    for index in range(2):
        batch = loader.batch(0, index)
        target = {name: twin.task(name).encode(batch.samples) for name in ("bright", "rare")}
        losses = twin(network_input(batch.images, torch.device("cpu")), target)
        # Gain and scheduled weight of the other task; the batch size scales both.
        total = total + 2 * (losses["bright"]["fit"] + 0.5 * (0.0, 0.5)[index] * losses["rare"]["fit"])
    before = twin.get_parameter("trunk.conv.weight")
    (grad,) = torch.autograd.grad(total, before)
    trainer.fit()
    # The update ends iteration 1 of a warm-up of 2.
    lr, momentum = 0.5 * 0.01 * (0.2 + 0.8 * 0.5), 0.8 + 0.5 * 0.137
    grad = grad + 5e-4 * before
    after = before - lr * (grad + momentum * grad)
    torch.testing.assert_close(trainer.bare.get_parameter("trunk.conv.weight"), after)


def test_every_record_tells_where_it_is() -> None:
    watcher = Watcher()
    toy_trainer(None, sinks=[watcher]).fit()
    assert [record.step for record in watcher.steps] == list(range(1, UPDATES + 1))
    assert [(record.epoch, record.batch) for record in watcher.steps[:4]] == [(1, 2), (1, 4), (1, 5), (2, 2)]
    assert set(watcher.steps[0].losses) == {"bright/fit"}, "the schedule has not let the other task in yet"
    assert set(watcher.steps[0].weights) == {"bright"}
    assert set(watcher.steps[-1].losses) == {"bright/fit", "rare/fit"}
    assert watcher.steps[-1].weights["rare"] == 1
    assert [record.epoch for record in watcher.epochs] == [1, 2, 3, 4]
    assert watcher.closed


def test_the_mean_of_an_epoch_is_over_its_batches() -> None:
    watcher = Watcher()
    toy_trainer(None, sinks=[watcher], recipe=toy_recipe(1, nominal_batch=2)).fit()
    values = [record.losses["bright/fit"] for record in watcher.steps]
    assert watcher.epochs[0].losses["bright/fit"] == pytest.approx(sum(values) / 5)


def test_batches_without_labels_change_no_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = Watcher()
    trainer = toy_trainer(None, recipe=toy_recipe(1), sinks=[watcher])
    for name in trainer.bare.tasks:
        monkeypatch.setattr(trainer.bare.task(name), "encode", nothing_labelled)
    before = {name: value.clone() for name, value in trainer.bare.named_parameters()}
    trainer.fit()
    assert [record.loss for record in watcher.steps] == [None] * 3
    assert all(value.equal(before[name]) for name, value in trainer.bare.named_parameters())


def nothing_labelled(samples: Any) -> dict[str, Tensor]:
    return {"labelled": torch.zeros(len(samples), dtype=torch.bool), "value": torch.zeros(len(samples))}


def test_gradients_are_clipped_only_where_asked() -> None:
    free, clipped = Watcher(), Watcher()
    toy_trainer(None, sinks=[free], recipe=toy_recipe(1)).fit()
    trainer = toy_trainer(None, sinks=[clipped], recipe=toy_recipe(1, clip_norm=1e-9))
    before = trainer.bare.get_parameter("trunk.conv.weight").clone()
    trainer.fit()
    assert clipped.steps[0].grad_norm == free.steps[0].grad_norm > 1
    torch.testing.assert_close(trainer.bare.get_parameter("trunk.conv.weight"), before, rtol=0, atol=1e-5)


def test_a_loader_that_gives_less_than_it_promised_is_an_error() -> None:
    class Short(ToyLoader):
        def __len__(self) -> int:
            return 6

    with pytest.raises(RuntimeError, match="promised 6 batches and gave"):
        toy_trainer(None, loader=Short()).fit()


# --- what is not finite ---------------------------------------------------------------------------------------------


class Poisoned(ToyTask):
    """Its loss, or its gradient, is not finite from some picture on."""

    def __init__(self, name: str, how: str, picture: int) -> None:
        super().__init__(name)
        self.how = how
        self.picture = picture

    def encode(self, samples: Any) -> dict[str, Tensor]:
        bad = any(sample.record.image_id == self.picture for sample in samples)
        return super().encode(samples) | {"bad": torch.tensor(bad)}

    def loss(self, raw: Tensor, target: dict[str, Tensor]) -> dict[str, Tensor]:
        fit = super().loss(raw, target)["fit"]
        if target["bad"]:
            return {"fit": fit * float("nan") if self.how == "loss" else fit + (raw * 0).sum().abs().sqrt()}
        return {"fit": fit}


@pytest.mark.parametrize("how", ["loss", "gradient"])
def test_a_bad_loss_stops_before_the_step_and_names_the_pictures(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.train.toys.ToyTask", lambda name, every=1: Poisoned(name, how, picture=7))
    recipe = toy_recipe(checkpoint_steps=1)
    trainer = toy_trainer(tmp_path / "run", recipe=recipe)
    with pytest.raises(NonFiniteLossError) as caught:
        trainer.fit()
    assert "epoch 1, update 2" in str(caught.value)
    assert "bright/fit = nan" in str(caught.value) if how == "loss" else "gradient" in str(caught.value)
    assert "pictures/6.jpg, pictures/7.jpg" in str(caught.value)
    assert ("pictures/4.jpg" in str(caught.value)) is (how == "gradient"), "a gradient is that of the whole update"
    last = checkpoint.load(tmp_path / "run" / "checkpoints" / "last")
    assert last.progress.step == 1
    assert trainer.bare.get_parameter("trunk.conv.weight").equal(last.train["weights/trunk.conv.weight"])
    assert all(value.isfinite().all() for value in (last.model | last.train).values())
    assert json.loads((tmp_path / "run" / "status.json").read_text())["error"].startswith("NonFiniteLossError")


# --- evaluation and the end -----------------------------------------------------------------------------------------


def scripted(*values: float) -> Callable[[MultiTaskModel], dict[str, Scores]]:
    """An evaluation that gives these scores, one after the other."""
    script: Iterator[float] = iter(values)
    return lambda model: {"bright": Scores({"score": next(script)}), "rare": Scores({"score": 0.0})}


def test_the_best_checkpoint_is_the_best(tmp_path: Path) -> None:
    progress = toy_trainer(tmp_path / "run", evaluate=scripted(0.2, 0.6, 0.4, 0.6)).fit()
    best = checkpoint.load(tmp_path / "run")
    assert best.progress.scores["bright/score"] == 0.6
    assert best.progress.best == 0.3, "mean over the tasks"
    assert best.progress.best_epoch == progress.best_epoch == 2
    assert not best.train
    assert progress.stale == 2


def test_what_is_evaluated_and_saved_is_the_average(tmp_path: Path) -> None:
    seen: list[dict[str, Tensor]] = []

    def look(model: MultiTaskModel) -> dict[str, Scores]:
        assert not model.training
        seen.append({name: value.clone() for name, value in model.state_dict().items()})
        return toy_scores(model)

    trainer = toy_trainer(tmp_path / "run", evaluate=look)
    trainer.fit()
    last = checkpoint.load(tmp_path / "run" / "checkpoints" / "last")
    assert all(value.equal(seen[-1][name]) for name, value in last.model.items())
    assert not seen[-1]["trunk.conv.weight"].equal(trainer.bare.get_parameter("trunk.conv.weight"))


@pytest.mark.parametrize(("every", "epochs"), [(1, [1, 2, 3, 4]), (2, [2, 4]), (3, [3, 4]), (0, [4])])
def test_evaluation_is_every_so_often_and_at_the_end(every: int, epochs: list[int]) -> None:
    watcher = Watcher()
    toy_trainer(None, sinks=[watcher], recipe=toy_recipe(evaluate_every=every)).fit()
    assert [record.epoch for record in watcher.epochs if record.scores] == epochs


@pytest.mark.parametrize(("every", "patience", "stop"), [(1, 2, 4), (2, 2, 6), (2, 1, 6)])
def test_patience_counts_epochs_but_only_evaluations_judge(
    every: int, patience: int, stop: int, tmp_path: Path
) -> None:
    recipe = toy_recipe(8, patience=patience, evaluate_every=every)
    progress = toy_trainer(tmp_path / "run", recipe=recipe, evaluate=scripted(0.1, 0.3, 0.2, 0.3)).fit()
    assert progress.epoch == stop
    again = toy_trainer(tmp_path / "run", resume=True, recipe=recipe)
    assert again.fit().epoch == stop, "it stays stopped"
    assert again.gave_up() and not toy_trainer(None).gave_up()


def test_two_steps_end_in_an_evaluation_and_checkpoints(tmp_path: Path) -> None:
    watcher = Watcher()
    progress = toy_trainer(tmp_path / "run", recipe=toy_recipe(max_steps=2), sinks=[watcher]).fit()
    assert (progress.epoch, progress.batch, progress.step) == (0, 4, 2)
    assert watcher.epochs[0].scores
    assert checkpoint.load(tmp_path / "run").progress.step == 2
    assert toy_trainer(tmp_path / "run", resume=True).fit().step == UPDATES


def test_nothing_to_evaluate_on_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    toy_trainer(tmp_path / "run", evaluate=lambda model: {}).fit()
    assert checkpoint.load(tmp_path / "run").progress.step == UPDATES
    assert not (tmp_path / "run" / "checkpoints" / "best").exists()


@pytest.mark.parametrize(("every", "steps"), [(1, {3, 6, 9, 12}), (3, {3, 9, 12})])
def test_epochs_are_saved(every: int, steps: set[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: set[int] = set()
    monkeypatch.setattr(checkpoint, "save", lambda folder, state: saved.add(state.progress.step))
    ever_worse = scripted(0.4, 0.3, 0.2, 0.1)
    toy_trainer(tmp_path / "run", recipe=toy_recipe(checkpoint_every=every), evaluate=ever_worse).fit()
    assert saved == steps


def test_long_epochs_are_saved_by_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[int] = []
    monkeypatch.setattr(checkpoint, "save", lambda folder, state: saved.append(state.progress.step))
    toy_trainer(tmp_path / "run", recipe=toy_recipe(1, checkpoint_seconds=0.0)).fit()
    assert {1, 2, 3} == set(saved)


def test_a_process_without_a_run_folder_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    toy_trainer(None).fit()
    assert not list(tmp_path.iterdir())
