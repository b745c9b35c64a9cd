"""The verbs that run models: what they make of their words. The work itself is tested where it is done."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from unified import demo, evaluate, predict, training
from unified.benchmark.timing import Timing
from unified.config import Config
from unified.errors import DataError
from unified.task import Prediction, Scores

Calls = list[tuple[Any, ...]]
SCORES = {"detection": Scores({"AP": 0.5, "AP_small": None}, {"per_category": [{"category": "cat", "AP": 0.25}]})}


def recording(calls: Calls, answer: Any = None) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        calls.append((*arguments, options))
        return answer

    return call


@pytest.fixture
def calls() -> Calls:
    return []


def test_train_reads_the_config_and_passes_it_on(
    cli: Any, calls: Calls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(training, "train", recording(calls))
    answer = cli("train", "jdc", f"data={tmp_path}", "train.epochs=2", "--out", tmp_path / "run", "--resume")
    assert answer.code == 0
    ((config, options),) = calls
    assert isinstance(config, Config) and config.train.epochs == 2 and config.dataset().path == str(tmp_path)
    assert options == {"out": tmp_path / "run", "resume": True}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["jdc", "train.epoch=2"], "command line: train.epoch: unknown key; did you mean 'epochs'"),
        (["detecton"], "did you mean 'detection'"),
        (["jdc", "--resume"], "--out DIR"),
        (["jdc"], "add data=PATH"),
    ],
)
def test_train_refuses_before_anything_is_made(
    cli: Any, words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = cli("train", *words)
    assert answer.code == 2 and message in answer.err
    assert list(tmp_path.iterdir()) == []


def test_train_on_data_that_is_not_there_is_3(cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = cli("train", "jdc", "data=gone", "trunk=yolor-n")
    assert answer.code == 3 and "gone" in answer.err


def test_evaluate_scores_a_run(cli: Any, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "evaluate_run", recording(calls, SCORES))
    answer = cli("evaluate", "runs/1", "data=x", "size=640", "--split", "test", "--json")
    tables = {"per_category": SCORES["detection"].tables["per_category"]}
    assert json.loads(answer.out) == {"detection": {"AP": 0.5, "AP_small": None, "tables": tables}}
    path, overrides, options = calls[0]
    assert (path, overrides, options["split"]) == (Path("runs/1"), ["data=x", "size=640"], "test")
    text = cli("evaluate", "runs/1").out
    assert "0.5000" in text and "per category" in text and "cat" in text


def test_evaluate_scores_a_results_file(cli: Any, tmp_path: Path) -> None:
    truth = {
        "images": [{"id": 7, "width": 100, "height": 100, "file_name": "a.jpg"}],
        "categories": [{"id": 3, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 7, "category_id": 3, "bbox": [10, 10, 50, 50], "area": 2500}],
    }
    found = [{"image_id": 7, "category_id": 3, "bbox": [10, 10, 50, 50], "score": 0.9}]
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "found.json").write_text(json.dumps(found))
    files = ["--predictions", tmp_path / "found.json", "--annotations", tmp_path / "truth.json"]
    numbers = json.loads(cli("evaluate", *files, "--json").out)["detection"]
    assert numbers["AP"] == pytest.approx(1.0) and numbers["AP_small"] is None
    assert cli("evaluate", *files, "--task", "classification").code == 2
    assert cli("evaluate", *files[:2], "--annotations", tmp_path / "gone.json").code == 3


@pytest.mark.parametrize("words", [[], ["--predictions", "p"], ["run", "--predictions", "p", "--annotations", "a"]])
def test_evaluate_needs_a_run_or_two_files(cli: Any, words: list[str]) -> None:
    answer = cli("evaluate", *words)
    assert answer.code == 2 and "either a RUN, or --predictions together with --annotations" in answer.err


def test_evaluate_scores_a_captions_file_and_says_how(cli: Any, tmp_path: Path) -> None:
    truth = [{"image_id": 7, "caption": "A red dog."}, {"image_id": 8, "caption": "Two cats."}]
    (tmp_path / "references.json").write_text(json.dumps({"annotations": truth}))
    (tmp_path / "captions.json").write_text(json.dumps(truth))
    files = ["--captions", tmp_path / "captions.json", "--references", tmp_path / "references.json"]
    found = json.loads(cli("evaluate", *files, "--json").out)["caption"]
    assert found["BLEU_1"] == pytest.approx(1) and found["notes"]["references"] == "2 of 2 pictures"
    text = cli("evaluate", *files).out
    assert "CIDEr_D" in text and "caption: references: 2 of 2 pictures" in text and "tokenizer" in text
    assert cli("evaluate", *files[:2]).code == 2
    assert cli("evaluate", *files, "--annotations", "a").code == 2


def test_predict_prints_a_json_line_a_picture(cli: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def predictions(*arguments: Any, **options: Any) -> Iterator[Prediction]:
        yield Prediction({}, "a.jpg", (4, 3))
        yield Prediction({}, "b.jpg", (4, 3))

    monkeypatch.setattr(predict, "load", lambda *arguments, **options: None)
    monkeypatch.setattr(predict, "predict_files", predictions)
    lines = cli("predict", "runs/1", "a.jpg", "b.jpg", "--out", tmp_path, "--json").out.splitlines()
    assert [json.loads(line)["image"] for line in lines] == ["a.jpg", "b.jpg"]
    assert "2 pictures" in cli("predict", "runs/1", "a.jpg", "b.jpg", "--out", tmp_path).out


def test_predict_tells_of_broken_pictures_after_the_good_ones(
    cli: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def predictions(*arguments: Any, **options: Any) -> Iterator[Prediction]:
        yield Prediction({}, "a.jpg", (4, 3))
        raise DataError("1 of 2 pictures could not be read")

    monkeypatch.setattr(predict, "load", lambda *arguments, **options: None)
    monkeypatch.setattr(predict, "predict_files", predictions)
    answer = cli("predict", "runs/1", "a.jpg", "b.jpg", "--out", tmp_path, "--json")
    assert answer.code == 3 and json.loads(answer.out)["image"] == "a.jpg" and "1 of 2 pictures" in answer.err


@pytest.mark.parametrize("verb", [["predict", "gone", "a.jpg", "--out", "o"], ["evaluate", "gone"]])
def test_a_run_that_is_not_there_is_1(
    cli: Any, verb: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = cli(*verb)
    assert answer.code == 1 and "gone" in answer.err


def test_demo_takes_a_folder_and_a_length(cli: Any, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    made = demo.Demo(SCORES, run=Path("here/run"), sheet=Path("here/demo.png"))
    monkeypatch.setattr(demo, "run_demo", recording(calls, made))
    answer = cli("demo", "--out", "here", "--epochs", 3)
    assert answer.code == 0 and "here/demo.png" in answer.out and "0.5000" in answer.out
    assert calls[0][0] == Path("here") and calls[0][1]["epochs"] == 3


def test_benchmark_prints_a_row_a_variant(cli: Any, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    timing = Timing("yolor-n", "inference", "float32", 64, 2, 10.0, 200.0, 1.5, speedup=1.0)
    monkeypatch.setattr("unified.benchmark.run.run", recording(calls, [timing]))
    rows = json.loads(cli("benchmark", "yolor-n", "--size", 64, "--batch", 2, "--mode", "all", "--json").out)
    assert [(row["model"], row["unit"]) for row in rows] == [("yolor-n", 1.5)]
    models, options = calls[0]
    assert (models, options["size"], options["batch"], options["mode"]) == (["yolor-n"], 64, 2, "all")
    assert "float32" in cli("benchmark").out and calls[1][0] == ["yolor-n"]


def test_benchmark_builds_an_index_and_shows_it_beside_faiss(cli: Any) -> None:
    answer = cli("benchmark", "--mode", "index", "--vectors", 1000, "--rounds", 1, "--json")
    found = json.loads(answer.out)
    assert (found["entries"], found["kind"], found["recall"]) == (1000, "Flat", 1.0)
    assert found["per_second"].keys() == {"faiss", "nearest", "search"}
    shown = cli("benchmark", "--mode", "index", "--vectors", 1000, "--rounds", 1).out
    assert "over FAISS, single" in shown and "peak_megabytes" in shown
