"""Scoring a COCO results file: the published evaluator's numbers, and what is wrong with a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tasks.detection import score_files
from tasks.detection.coco_eval import BACKENDS, Backend
from unified.errors import DataError, UnifiedError

TRUTH: dict[str, Any] = {
    "images": [{"id": "b"}, {"id": "a"}, {"id": "empty"}],
    "categories": [{"id": 7, "name": "owl"}, {"id": 2, "name": "cat"}],
    "annotations": [
        {"id": 0, "image_id": "a", "category_id": 7, "bbox": [0, 0, 10, 10], "area": 100, "iscrowd": 0},
        {"id": 0, "image_id": "b", "category_id": 2, "bbox": [5, 5, 40, 40]},
    ],
}
BOX = TRUTH["annotations"][0]
FOUND: list[dict[str, Any]] = [
    {"image_id": "a", "category_id": 7, "bbox": [0, 0, 10, 10], "score": 0.5},
    {"image_id": "b", "category_id": 7, "bbox": [5, 5, 40, 40], "score": 0.4},
]


def write(folder: Path, found: Any = FOUND, truth: Any = TRUTH) -> tuple[Path, Path]:
    paths = folder / "found.json", folder / "truth.json"
    for path, data in zip(paths, (found, truth), strict=True):
        path.write_text(data if isinstance(data, str) else json.dumps(data))
    return paths


@pytest.mark.parametrize("backend", BACKENDS)
def test_numbers_equal_pycocotools(backend: Backend, parity: Path, real_data: Path) -> None:
    pytest.importorskip({"faster-coco-eval": "faster_coco_eval"}.get(backend, backend))
    folder = parity / "coco_eval"
    expected = json.loads((folder / "expected.json").read_text())
    (truth,) = (real_data / "coco-mini").rglob("instances_val.json")

    scores = score_files(folder / "detections.json", truth, backend=backend)

    assert scores.numbers == pytest.approx(expected["metrics"], abs=1e-6)
    assert list(scores.numbers) == list(expected["metrics"])
    (agnostic,) = scores.tables["class_agnostic_metrics"]
    assert agnostic == pytest.approx(expected["class_agnostic_metrics"], abs=1e-6)
    rows = {str(row["category_id"]): row for row in scores.tables["per_category"]}
    assert rows.keys() == expected["per_category"].keys()
    for category, values in expected["per_category"].items():
        found = [rows[category][column] for column in expected["per_category_columns"]]
        for value, wanted in zip(found, values, strict=True):
            assert value == (wanted if wanted is None else pytest.approx(wanted, abs=1e-6)), category
    assert sum(row["ground_truths"] for row in rows.values()) == expected["ground_truths"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_ids_may_be_strings_and_annotation_ids_anything(
    backend: Backend, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An annotation with id 0 counts as unmatched in the evaluators themselves."""
    scores = score_files(*write(tmp_path), backend=backend)
    cat, owl = scores.tables["per_category"]
    assert (cat["category"], cat["AP"], owl["category"], owl["AP"]) == ("cat", 0, "owl", pytest.approx(1))
    assert scores.numbers["AP"] == pytest.approx(0.5)
    assert scores.tables["class_agnostic_metrics"][0]["AP"] == pytest.approx(1)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_detections_score_zero(backend: Backend, tmp_path: Path) -> None:
    scores = score_files(*write(tmp_path, []), backend=backend)
    assert scores.numbers["AP"] == 0


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ("[1, 2", "is not JSON"),
        ({"a": 1}, "expected a list of detections, got dict"),
        ([3], r"\[0\]: expected a detection"),
        ([FOUND[0], FOUND[0] | {"image_id": 99}], r"\[1\]: image_id 99 is not among the 3 images"),
        ([FOUND[0] | {"category_id": 3}], "category_id 3 is not a category of the annotations; allowed: 2, 7"),
        ([FOUND[0] | {"score": float("nan")}], "score must be a finite number; got nan"),
        ([FOUND[0] | {"score": "high"}], "score must be a finite number; got 'high'"),
        ([FOUND[0] | {"bbox": [0, 0, 1]}], r"bbox must be \[x, y, width, height\]"),
        ([FOUND[0] | {"bbox": [0, 0, -1, 5]}], "no side below 0"),
        ([FOUND[0] | {"bbox": [0, 0, float("inf"), 5]}], "finite"),
        ([{"image_id": "a", "category_id": 7}], "score must be a finite number; got None"),
    ],
)
def test_a_wrong_results_file_is_told_with_place_and_reason(tmp_path: Path, found: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        score_files(*write(tmp_path, found))
    assert "found.json" in str(caught.value)


@pytest.mark.parametrize(
    ("truth", "message"),
    [
        ([], "expected an object with images, annotations and categories, got list"),
        ({"images": []}, "'categories' must be a list of objects"),
        (TRUTH | {"images": [{}]}, "every entry of 'images' needs an id"),
        (TRUTH | {"categories": [{"name": "x"}]}, "every category needs an id"),
        (TRUTH | {"annotations": [{"image_id": "a", "category_id": 7}]}, r"annotations\[0\]: bbox must be"),
        (TRUTH | {"annotations": [BOX | {"area": "big"}]}, r"annotations\[0\]: area must be a finite number"),
        (TRUTH | {"annotations": [BOX | {"area": -1}]}, "0 or more; got -1"),
        (TRUTH | {"annotations": [BOX | {"iscrowd": "no"}]}, r"annotations\[0\]: iscrowd must be 0 or 1; got 'no'"),
        (TRUTH | {"annotations": [BOX | {"bbox": [0, 0, 10**400, 5]}]}, "bbox must be"),
    ],
)
def test_a_wrong_annotation_file_is_told_with_place_and_reason(tmp_path: Path, truth: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        score_files(*write(tmp_path, truth=truth))
    assert "truth.json" in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        score_files(tmp_path / "nothing.json", write(tmp_path)[1])


def test_without_an_evaluator_the_package_to_install_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_coco_eval", None)
    assert score_files(*write(tmp_path)).numbers["AP"] == pytest.approx(0.5)
    monkeypatch.setitem(sys.modules, "pycocotools.cocoeval", None)
    with pytest.raises(UnifiedError, match="pip install faster-coco-eval"):
        score_files(*write(tmp_path))
