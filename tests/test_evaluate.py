from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tests.tiny import VAL, TinyRun, tiny_data
from unified.build import load_model, validation_loader
from unified.data.dataset import open_dataset
from unified.data.sample import Batch
from unified.errors import CheckpointError, ConfigError, DataError
from unified.evaluate import Inference, evaluate, evaluate_run, mismatched
from unified.model.fold import fold
from unified.model.implicit import ImplicitCode
from unified.task import ScoredBoxes
from unified.train.log import read
from unified.train.precision import Precision

CPU = torch.device("cpu")
FLOAT32 = Precision.choose(CPU, "float32")


def test_device_and_precision_are_those_of_the_config_or_of_what_goes_over_it(
    tiny_run: TinyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[tuple[torch.device, str]] = []
    choose = Precision.choose

    def watched(device: torch.device, option: str = "auto") -> Precision:
        used.append((device, option))
        return choose(device, option)

    monkeypatch.setattr(Precision, "choose", watched)
    evaluate_run(tiny_run.path)
    evaluate_run(tiny_run.path, ["train.precision=bfloat16"])
    assert used == [(torch.device("cpu"), "float32"), (torch.device("cpu"), "bfloat16")]
    with pytest.raises(ConfigError, match=r"device 'cuda:99' is not here"):
        evaluate_run(tiny_run.path, ["device=cuda:99"])


def test_a_run_is_scored_as_it_was_in_training(tiny_run: TinyRun) -> None:
    seen: list[tuple[int, int]] = []
    scores = evaluate_run(
        tiny_run.path, device="cpu", precision="float32", progress=lambda done, total: seen.append((done, total))
    )
    logged = read(tiny_run.path / "metrics.jsonl")[-1]
    for task, found in scores.items():
        for name, value in found.numbers.items():
            assert logged[f"{task}/{name}"] == (None if value is None else pytest.approx(value)), name
    assert list(scores) == ["detection", "classification"]
    assert seen == [(VAL, VAL)]


def test_another_split_and_another_size_can_be_scored(tiny_run: TinyRun) -> None:
    scores = evaluate_run(tiny_run.path, ["size=96", "train.batch=3"], split="train", device="cpu")
    assert scores["classification"].numbers["mAP"] is not None


def test_other_classes_than_the_checkpoint_s_are_refused_and_both_lists_shown(
    tiny_run: TinyRun, tmp_path: Path
) -> None:
    data = tiny_data(tmp_path)
    path = data / "annotations/instances_val.json"
    content = json.loads(path.read_text())
    name, content["categories"][0]["name"] = content["categories"][0]["name"], "unicorn"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError) as error:
        evaluate_run(tiny_run.path, [f"data={data}"])
    shown = str(error.value)
    assert "data set (" in shown and "checkpoint (" in shown
    assert "only in the first: unicorn" in shown and f"only in the second: {name}" in shown


def test_faulty_annotations_can_be_left_out_here_too(tiny_run: TinyRun, tmp_path: Path) -> None:
    data = tiny_data(tmp_path)
    path = data / "annotations/instances_val.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["bbox"][2] = 0
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"data\.on_error=drop"):
        evaluate_run(tiny_run.path, [f"data={data}"])
    assert evaluate_run(tiny_run.path, [f"data={data}", "data.on_error=drop"], device="cpu")


def test_a_split_that_is_not_there_is_an_error(tiny_run: TinyRun) -> None:
    with pytest.raises(DataError, match="no split 'test'"):
        evaluate_run(tiny_run.path, split="test")


def test_an_override_that_is_no_key_is_an_error(tiny_run: TinyRun) -> None:
    with pytest.raises(ConfigError, match="siez"):
        evaluate_run(tiny_run.path, ["siez=64"])


def test_an_option_of_a_task_that_needs_no_other_weights_takes_effect(tiny_run: TinyRun) -> None:
    loader = validation_loader(open_dataset(tiny_run.data, "val"), size=64, batch=2, workers=0, device=CPU)
    batch = next(loader.epoch(0))

    def found(*overrides: str) -> int:
        model = load_model(tiny_run.path, overrides)[0]
        results = [prediction.results["detection"] for prediction in Inference.of(model, CPU, FLOAT32)(batch)]
        return sum(len(result.scores) for result in results if isinstance(result, ScoredBoxes))

    assert found() > found("tasks.detection.max_detections=1") == 2


def test_an_option_that_needs_other_weights_is_refused(tiny_run: TinyRun) -> None:
    with pytest.raises(CheckpointError, match="weights of another model"):
        evaluate_run(tiny_run.path, ["tasks.detection.codes.align=null"])


def test_inference_folds_a_copy(tiny_run: TinyRun) -> None:
    model = load_model(tiny_run.path)[0]
    inference = Inference.of(model, CPU, FLOAT32)
    assert not any(isinstance(module, ImplicitCode) for module in inference.model.modules())
    assert any(isinstance(module, ImplicitCode) for module in model.modules())


def test_weights_that_are_cast_once_answer_as_those_that_are_cast_in_every_pass(tiny_run: TinyRun) -> None:
    model, precision = load_model(tiny_run.path)[0], Precision.choose(CPU, "bfloat16")
    inference = Inference.of(model, CPU, precision)
    images = torch.rand(2, 3, 64, 64).to(memory_format=torch.channels_last)
    with torch.inference_mode(), precision.autocast(CPU):
        expected = fold(model).to(memory_format=torch.channels_last)(images)
        answered = inference.model(images)
    assert {parameter.dtype for parameter in inference.model.trunk.parameters()} == {torch.bfloat16}
    torch.testing.assert_close(answered, expected, rtol=0, atol=0)


def test_predictions_come_in_the_order_of_the_data_set_with_its_ids(tiny_run: TinyRun) -> None:
    inference = Inference.of(load_model(tiny_run.path)[0], CPU, FLOAT32)
    dataset = open_dataset(tiny_run.data, "val")
    loader = validation_loader(dataset, size=64, batch=3, workers=0, device=CPU)
    predictions = [prediction for _, found in inference.over(loader.epoch(0)) for prediction in found]
    assert evaluate(inference, loader.epoch(0)).keys() == {"detection", "classification"}
    assert [p.image_id for p in predictions] == [dataset.record(i).image_id for i in range(VAL)]
    assert [p.source for p in predictions] == [str(dataset.record(i).path) for i in range(VAL)]
    scores = torch.cat([p.results["detection"].scores for p in inference(next(loader.epoch(0)), score=0.02)])  # type: ignore[attr-defined]
    assert (scores >= 0.02).all()


# Pictures shuffled against their labels


@pytest.mark.parametrize("batch", [1, 2, 3, 4])
def test_every_picture_comes_once_with_the_labels_of_another(tiny_run: TinyRun, batch: int) -> None:
    dataset = open_dataset(tiny_run.data, "val")
    loader = validation_loader(dataset, size=64, batch=batch, workers=0, device=CPU, shuffle=True)
    own = {s.record.image_id: s for found in loader.epoch(0) for s in found.samples}
    seen = []
    for found in mismatched(loader.epoch(0)):
        assert len(found.images) == len(found.samples)
        for image, sample in zip(found.images, found.samples, strict=True):
            (shown,) = [id for id, other in own.items() if other.image.equal(image)]
            assert image.equal(sample.image) and sample.labels is not None
            seen.append((sample.record.image_id, shown))
    labels, images = (sorted(ids) for ids in zip(*seen, strict=True))
    assert labels == images == sorted(own) and all(a != b for a, b in seen)


def test_a_single_picture_cannot_be_shuffled(tiny_run: TinyRun) -> None:
    loader = validation_loader(open_dataset(tiny_run.data, "val"), size=64, batch=4, workers=0, device=CPU)
    (batch,) = loader.epoch(0)
    alone = Batch(batch.images[:1], batch.samples[:1])
    with pytest.raises(DataError, match="takes two of them at least, got 1"):
        list(mismatched([alone]))


def test_scores_of_shuffled_pictures_are_others_and_say_so(tiny_run: TinyRun) -> None:
    usual = evaluate_run(tiny_run.path, device="cpu")
    shuffled, again = (evaluate_run(tiny_run.path, device="cpu", shuffle_pictures=True) for _ in range(2))
    assert shuffled == again
    for task, found in shuffled.items():
        assert found.numbers.keys() == usual[task].numbers.keys()
        assert found.notes.items() > usual[task].notes.items() and "a control" in found.notes["pictures"]
    assert shuffled["classification"].numbers != usual["classification"].numbers
