"""Every folder of tasks/ keeps the contract of unified/task.py. A new task gets these tests for free."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from unified import registry
from unified.data.sample import Labels, Objects, Record, Sample, Taxonomy
from unified.evaluate import answer
from unified.model.fold import fold
from unified.model.implicit import ImplicitCode
from unified.ops.canvas import Canvas
from unified.ops.frame import Frame
from unified.task import Levels, Prediction, Target, Task, fitness

WIDTH, HEIGHT = 192, 128  # of the input; the pictures are twice as large
LEVELS = Levels(
    channels={"p3": 8, "p4": 12, "p5": 16},
    strides={"p3": 8, "p4": 16, "p5": 32},
    anchors={
        "p3": ((12, 16), (19, 36), (40, 28)),
        "p4": ((36, 75), (76, 55), (72, 146)),
        "p5": ((142, 110), (192, 243), (459, 401)),
    },
)
TAXONOMY = Taxonomy(("ant", "bee", "cat", "dog", "elk"), (1, 2, 4, 8, 16), identities=3)
OBJECTS = [
    ([[20, 20, 60, 80], [100, 40, 180, 90]], [0, 3], [0, 1]),
    ([[10, 60, 50, 100]], [4], [2]),
    ([], [], []),
    ([[70, 10, 110, 50], [5, 5, 45, 60], [120, 70, 170, 120]], [1, 2, 4], [-1, 0, 2]),
]
CAPTIONS = ("an ant beside a dog", "two animals", "a picture of an ant", "a dog", "an ant")


def make_sample(i: int, boxes: list[list[int]], categories: list[int], identities: list[int]) -> Sample:
    size = (2 * WIDTH, 2 * HEIGHT)
    inside = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    kinds, ids = torch.tensor(categories, dtype=torch.long), torch.tensor(identities, dtype=torch.long)
    labels = Labels(Objects.make(inside, kinds, (HEIGHT, WIDTH), identities=ids), captions=CAPTIONS)
    truth = Labels(Objects.make(2 * inside.double(), kinds, size[::-1], identities=ids), captions=CAPTIONS)
    frame = Frame.letterbox(size, (WIDTH, HEIGHT))
    record = Record(i, Path(f"{i}.jpg"), size, truth)
    return Sample(torch.zeros(3, HEIGHT, WIDTH, dtype=torch.uint8), labels, frame, record)


SAMPLES = [make_sample(i, *objects) for i, objects in enumerate(OBJECTS)]
UNLABELLED = [
    Sample(sample.image, Labels(), sample.frame, Record(sample.record.image_id, Path("x.jpg"), (384, 256), Labels()))
    for sample in SAMPLES
]


def make_features(batch: int = len(SAMPLES), scale: int = 1) -> dict[str, Tensor]:
    return {
        level: torch.randn(batch, channels, *(scale * side // LEVELS.strides[level] for side in (HEIGHT, WIDTH)))
        for level, channels in LEVELS.channels.items()
    }


@pytest.fixture(params=registry.task_names())
def task(request: pytest.FixtureRequest) -> Task:
    torch.manual_seed(0)
    made: Task = registry.load(request.param).task(LEVELS, TAXONOMY)
    made.prepare([sample.record for sample in SAMPLES], WIDTH)
    return made


def predictions_of(task: Task, raw: object, samples: list[Sample]) -> list[Prediction]:
    return answer({task.name: task}, {task.name: raw}, samples)


def perfect_raw(task: Task, samples: list[Sample]) -> object:
    return task.perfect(task.encode(samples), task(make_features(len(samples))))


def test_a_task_is_named_like_its_folder_and_documents_its_options(task: Task) -> None:
    package = registry.load(task.name)

    assert package.__name__.rsplit(".", 1)[-1] == task.name
    assert package.__doc__
    assert package.__file__ and Path(package.__file__).with_name("README.md").is_file()
    assert all(option.description for option in package.Options.model_fields.values())


def test_forward_takes_features_of_any_size(task: Task) -> None:
    task.eval()
    for scale in (1, 2):
        raw = task(make_features(2, scale))
        assert len(task.decode(raw, [Frame.identity((scale * WIDTH, scale * HEIGHT))] * 2)) == 2


def test_the_loss_is_finite_and_its_gradient_reaches_trunk_and_every_code(task: Task) -> None:
    features = {level: value.requires_grad_() for level, value in make_features().items()}

    losses = task.loss(task(features), task.encode(SAMPLES))
    total = torch.stack([task.gains[part] * value for part, value in losses.items()]).sum()
    total.backward()

    assert total.dtype == torch.float32 and torch.isfinite(total)
    assert all(value.shape == () for value in losses.values())
    for level, value in features.items():
        assert value.grad is not None and value.grad.abs().sum() > 0, level
    for name, code in task.codes().items():
        for parameter, value in code.named_parameters():
            assert value.grad is not None and value.grad.abs().sum() > 0, f"{name}: {parameter}"


def test_every_code_is_listed_and_changes_the_output(task: Task) -> None:
    task.eval()
    features = make_features()
    listed = task.codes()
    assert {id(code) for code in listed.values()} == {id(m) for m in task.modules() if isinstance(m, ImplicitCode)}
    for name, code in listed.items():
        with torch.no_grad():
            before = as_tensors(task(features))
            for parameter in code.parameters():
                parameter.add_(0.3)
            moved = max(float((a - b).abs().max()) for a, b in zip(before, as_tensors(task(features)), strict=True))
        assert moved > 1e-4, name


def test_outputs_name_every_channel_that_a_refinement_code_acts_on(task: Task) -> None:
    for place, code in task.codes().items():
        named = task.outputs(place)
        if named:  # a task may leave them nameless
            assert place.startswith("refine/") and len(named) == code.channels
            assert len(set(named)) == len(named), "two channels of one name"


def test_gains_and_fitness_name_what_exists(task: Task) -> None:
    parts = task.loss(task(make_features()), task.encode(SAMPLES))
    assert set(parts) == set(task.gains)
    metric = task.metric()
    metric.update(predictions_of(task, perfect_raw(task, SAMPLES), SAMPLES), SAMPLES)
    assert set(task.fitness) <= set(metric.compute().numbers)


def test_a_perfect_output_decodes_to_the_truth_and_the_metric_of_the_truth_is_best(task: Task) -> None:
    metric = task.metric()

    metric.update(predictions_of(task, perfect_raw(task, SAMPLES), SAMPLES), SAMPLES)

    assert fitness(task, metric.compute()) == pytest.approx(sum(task.fitness.values()), rel=1e-3)


def test_a_perfect_output_has_less_loss_than_a_random_one(task: Task) -> None:
    target = task.encode(SAMPLES)

    def total(raw: object) -> float:
        return sum(task.gains[part] * value.item() for part, value in task.loss(raw, target).items())

    assert total(perfect_raw(task, SAMPLES)) < 0.5 * total(task(make_features()))


def test_a_picture_without_objects_is_a_label_too(task: Task) -> None:
    empty = [SAMPLES[2]]

    losses = task.loss(task(make_features(1)), task.encode(empty))

    assert all(torch.isfinite(value) for value in losses.values())
    task.metric().update(predictions_of(task, task(make_features(1)), empty), empty)


def test_a_batch_without_labels_has_no_loss_and_no_score(task: Task) -> None:
    target = task.encode(UNLABELLED)
    assert target["labelled"].tolist() == [False] * len(UNLABELLED)
    assert task.loss(task(make_features()), target) == {}

    metric = task.metric()
    metric.update(predictions_of(task, task(make_features()), UNLABELLED), UNLABELLED)
    assert all(metric.compute().numbers[name] is None for name in task.fitness)


def test_unlabelled_pictures_neither_train_nor_penalise(task: Task) -> None:
    task.eval()
    features = make_features()
    alone = task.loss(task(features), task.encode(SAMPLES))
    both = {level: torch.cat([value, torch.randn_like(value)]) for level, value in features.items()}

    mixed = task.loss(task(both), task.encode([*SAMPLES, *UNLABELLED]))

    assert mixed.keys() == alone.keys()
    for part, value in mixed.items():
        torch.testing.assert_close(value, alone[part], rtol=1e-5, atol=1e-6)


def test_what_a_task_is_said_to_need_is_what_it_needs(task: Task) -> None:
    captioned = [replace(s, labels=replace(s.labels, objects=None)) for s in SAMPLES]
    blind = not registry.reads_objects(task.name)
    assert task.encode(captioned)["labelled"].all() == blind, "READS_OBJECTS of its package"
    sentences = [replace(s, labels=Labels(captions=s.labels.captions)) for s in SAMPLES]
    assert not task.encode(sentences)["labelled"].any() or registry.weak_views(task.name), "WEAK_VIEWS of its package"


def test_a_target_moves_between_devices_as_tensors(task: Task) -> None:
    target: Target = task.encode(SAMPLES)
    assert all(isinstance(value, Tensor) for value in target.values())
    assert target["labelled"].dtype == torch.bool and target["labelled"].shape == (len(SAMPLES),)


def test_folded_equals_unfolded(task: Task) -> None:
    task = task.double().eval()
    features = {level: value.double() for level, value in make_features().items()}

    folded = fold(task)

    assert not folded.codes()
    for a, b in zip(as_tensors(task(features)), as_tensors(folded(features)), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-11)


def test_a_result_survives_json(task: Task) -> None:
    for raw in (perfect_raw(task, SAMPLES), task(make_features())):
        for prediction in predictions_of(task, raw, SAMPLES):
            result = prediction.results[task.name]
            data = result.to_json()
            again = type(result).from_json(json.loads(json.dumps(data, allow_nan=False)))
            assert again.to_json() == data


def test_a_result_can_be_drawn_and_told_as_coco_results(task: Task) -> None:
    for prediction in predictions_of(task, perfect_raw(task, SAMPLES), SAMPLES):
        result = prediction.results[task.name]
        canvas = Canvas(Image.new("RGB", (2 * WIDTH, 2 * HEIGHT)))
        result.draw(canvas)
        assert canvas.picture().width == canvas.size[0]
        assert json.loads(json.dumps(result.to_coco(7))) == result.to_coco(7)


def test_a_checkpoint_of_the_task_gives_the_same_output(task: Task) -> None:
    again: Task = registry.load(task.name).task(LEVELS, TAXONOMY)
    again.load_state_dict(task.state_dict())
    features = make_features()
    for a, b in zip(as_tensors(task.eval()(features)), as_tensors(again.eval()(features)), strict=True):
        torch.testing.assert_close(a, b)


def as_tensors(raw: object) -> list[Tensor]:
    if isinstance(raw, Tensor):
        return [raw]
    values = raw.values() if isinstance(raw, dict) else raw
    return [tensor for value in values for tensor in as_tensors(value)]  # type: ignore[attr-defined]
