from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from tests.test_registry import declare
from tests.tiny import TinyRun, tiny_config, tiny_data
from unified import registry
from unified.build import (
    build_model,
    freezing,
    joint_loss,
    load_model,
    recipe_of,
    same_classes,
    start_from,
    taxonomy_from,
    threads_of,
    training_loader,
    workers_of,
)
from unified.config import Config, read
from unified.data.dataset import open_dataset
from unified.data.sample import Batch, Taxonomy
from unified.errors import CheckpointError, ConfigError, DataError
from unified.model.multitask import MultiTaskModel
from unified.ops.cores import cores
from unified.task import Task
from unified.train.freezing import Span
from unified.train.plan import Recipe
from unified.train.ranks import Ranks
from unified.train.scale import RunningNorm
from unified.train.weighting.dwa import DynamicWeightAverage
from unified.training import train

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
PETS = Taxonomy(("cat", "dog"), (1, 5), identities=3)


def config_with(*overrides: str) -> Config:
    return read("jdc-shapes", ["trunk=yolor-n", *overrides])


@pytest.fixture(scope="module")
def model() -> MultiTaskModel:
    return build_model(config_with(), PETS)


def test_a_model_has_the_tasks_of_its_config(model: MultiTaskModel) -> None:
    assert list(model.tasks) == ["detection", "classification"]


def test_a_task_without_gains_or_fitness_is_refused_before_it_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    make = registry.load("classification").task

    def unfinished(*given: Any, **options: Any) -> Task:
        task: Task = make(*given, **options)
        del task.gains
        return task

    monkeypatch.setattr(registry.load("classification"), "task", unfinished)
    with pytest.raises(ConfigError, match=r"task classification: Classification has no gains; see unified\.task\.Task"):
        build_model(config_with(), PETS)


def test_a_task_of_another_package_trains_beside_one_of_the_same_code_and_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "their_package").mkdir()
    (tmp_path / "their_package" / "__init__.py").touch()
    (tmp_path / "their_package" / "tagging.py").write_text("from tasks.classification import Options, task\n")
    declare(tmp_path, "their_package", "their_package.tagging")
    monkeypatch.syspath_prepend(str(tmp_path))
    values = tiny_config(tiny_data(tmp_path / "data")).model_dump(mode="json", by_alias=True)
    config = Config.from_dict(values | {"tasks": values["tasks"] | {"their_package.tagging": {}}})
    train(config, out=tmp_path / "run", console=Console(file=StringIO()))
    model, _, _ = load_model(tmp_path / "run")
    assert list(model.tasks) == ["detection", "classification", "their_package.tagging"]
    assert model.task("their_package.tagging").name == "their_package.tagging"
    assert "their_package.tagging/align/p3" in model.codes()
    scores = json.loads((tmp_path / "run" / "status.json").read_text())["progress"]["scores"]
    assert {"classification/mAP", "their_package.tagging/mAP"} <= scores.keys()


def test_a_start_leaves_what_tells_classes_apart_where_they_are_others_or_in_another_order(tiny_run: TinyRun) -> None:
    config = tiny_config(tiny_run.data)
    classes = open_dataset(tiny_run.data, "train").taxonomy
    turned = Taxonomy(classes.categories[::-1], classes.category_ids, classes.identities)
    model = build_model(config, turned)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    taken = start_from(str(tiny_run.path), model, config, turned)
    assert taken.left and all(name.startswith("tasks.") for name in taken.left)
    assert all(model.state_dict()[name].equal(before[name]) for name in taken.left)
    for task in model.tasks:
        assert any(name.startswith(f"tasks.{task}.") for name in taken.left), task
    assert not start_from(str(tiny_run.path), build_model(config, classes), config, classes).left


def test_defaults_of_a_config_are_those_of_the_recipe() -> None:
    config = Config.from_dict({"trunk": "yolor-n", "tasks": {"detection": {}}})
    assert recipe_of(config.train) == Recipe()


def test_numbers_of_a_config_reach_the_recipe() -> None:
    given = ["train.lr=0.1", "train.weight_decay=0", "train.warmup_epochs=0", "train.max_steps=7", "train.patience=2"]
    recipe = recipe_of(config_with(*given).train)
    assert (recipe.lr, recipe.weight_decay, recipe.warmup_epochs) == (0.1, 0, 0)
    assert (recipe.max_steps, recipe.patience) == (7, 2)


def test_gains_and_weights_of_a_config_reach_the_joint_loss(model: MultiTaskModel) -> None:
    plain = joint_loss(config_with().joint, model)
    losses = {"detection": {part: torch.tensor(1.0) for part in model.task("detection").gains}}
    gains = model.task("detection").gains
    assert plain(losses, 0.0).total == pytest.approx(sum(gains.values()))
    config = config_with('joint.parts."detection/box"=7', "joint.weights.detection={start: 0.5, end: 1.5}")
    changed = joint_loss(config.joint, model)
    expected = sum(gains.values()) - gains["box"] + 7
    assert changed(losses, 0.0).total == pytest.approx(0.5 * expected)
    assert changed(losses, 1.0).total == pytest.approx(1.5 * expected)


def test_a_gain_for_a_part_that_no_loss_has_is_an_error(model: MultiTaskModel) -> None:
    joint = config_with('joint.parts."detection/boxes"=1').joint
    with pytest.raises(ConfigError, match=r"joint\.parts\.detection/boxes.*did you mean 'detection/box'"):
        joint_loss(joint, model)


def test_the_weighting_of_a_config_reaches_the_joint_loss(model: MultiTaskModel) -> None:
    joint = joint_loss(
        config_with(
            "joint.weighting=dwa", "joint.options.temperature=5", "joint.scale=norm", "joint.alternate=3"
        ).joint,
        model,
    )
    assert isinstance(joint.weighting, DynamicWeightAverage) and joint.weighting.temperature == 5
    assert isinstance(joint.scale, RunningNorm) and joint.schedule.alternate == 3 and joint.log_every == 50


@pytest.mark.parametrize(
    ("freeze", "spans"),
    [("[trunk]", [Span()]), ("{trunk: {from: 0.25, to: 0.5}, detection: {}}", [Span(0.25, 0.5), Span()])],
)
def test_what_a_config_freezes(freeze: str, spans: list[Span], model: MultiTaskModel) -> None:
    assert [*freezing(config_with(f"train.freeze={freeze}").train, model).spans.values()] == spans


def test_other_classes_are_an_error_that_shows_both_lists() -> None:
    same_classes(PETS, Taxonomy(PETS.categories, (7, 8)), "data set", "checkpoint")  # ids and identities may differ
    with pytest.raises(DataError) as error:
        same_classes(PETS, Taxonomy(("cat", "cow", "hen"), (1, 2, 3)), "data set", "checkpoint")
    assert "data set (2): cat, dog" in str(error.value) and "checkpoint (3): cat, cow, hen" in str(error.value)
    assert "only in the first: dog; only in the second: cow, hen" in str(error.value)
    with pytest.raises(DataError, match=re.escape("only in the first: none")):
        same_classes(PETS, Taxonomy(("dog", "cat"), (1, 2)), "data set", "checkpoint")  # the order counts


def test_a_taxonomy_comes_back_from_a_checkpoint() -> None:
    stored = {"categories": ["cat", "dog"], "category_ids": [1, 5], "identities": 3}
    assert taxonomy_from(stored) == PETS


def test_workers_take_half_of_the_cores_of_a_cpu_and_threads_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unified.build.cores", lambda: 8)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    assert workers_of("auto", CPU) == 4 and threads_of(4, CPU) == 4
    assert workers_of("auto", CUDA) == 8 and threads_of(8, CUDA) == 8
    assert workers_of(3, CPU) == 3 and threads_of(30, CPU) == 1
    assert workers_of("auto", CPU, pictures=200) == 0 and workers_of("auto", CPU, pictures=5000) == 4
    assert workers_of(3, CPU, pictures=200) == 3, "what is asked for is done"
    monkeypatch.setattr("unified.build.cores", lambda: 1)
    assert workers_of("auto", CPU) == 1


def test_no_more_threads_than_torch_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unified.build.cores", lambda: 8)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert threads_of(0, CPU) == 2


def test_there_is_at_least_one_core() -> None:
    assert cores() >= 1


@pytest.mark.parametrize("length", [["train.epochs=5"], ["train.epochs=300", "train.max_steps=10"]])
def test_the_last_epochs_are_without_mosaic(
    length: list[str], tiny_run: TinyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config(tiny_run.data, "augment.close_mosaic=2", "train.max_steps=0", *length)
    loader = training_loader(config, open_dataset(tiny_run.data, "train"), CPU)
    assert (len(loader), loader.batch_size) == (2, 4)
    asked: list[bool] = []

    def epoch_of(epoch: int, start: int, *, mosaic: bool) -> Iterator[Batch]:
        asked.append(mosaic)
        return iter(())

    monkeypatch.setattr(loader.loader, "epoch", epoch_of)
    for epoch in range(5):
        list(loader.epoch(epoch))
    assert asked == [True, True, True, False, False]


@pytest.mark.parametrize(("batch", "world"), [(4, 2), (5, 2), (8, 3), (3, 2)])
def test_processes_have_equally_many_batches_of_a_small_data_set(tiny_run: TinyRun, batch: int, world: int) -> None:
    config = tiny_config(tiny_run.data, f"train.batch={batch}")
    train = open_dataset(tiny_run.data, "train")
    counts = {len(training_loader(config, train, CPU, ranks=Ranks(rank, world))) for rank in range(world)}
    assert len(counts) == 1 and min(counts) >= 1


def test_a_checkpoint_comes_back_as_the_model_of_its_config(tiny_run: TinyRun) -> None:
    model, config, taxonomy = load_model(tiny_run.path)
    assert not model.training
    assert config == tiny_config(tiny_run.data)
    assert taxonomy == open_dataset(tiny_run.data, "train").taxonomy


def test_what_is_no_checkpoint_is_refused(tiny_run: TinyRun) -> None:
    with pytest.raises(CheckpointError):
        load_model(tiny_run.data)
