"""What every verb says where there is nothing to look at, or half of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from analysis import ablate, alignment, atlas, comparison, conflict, cost, implicit
from analysis.object_features import principal_axes
from tests.tiny import TinyRun, tiny_config
from unified.build import build_model, load_model
from unified.data.dataset import open_dataset
from unified.errors import CheckpointError, ConfigError, DataError
from unified.model.fold import fold
from unified.train import checkpoint
from unified.train.code_log import read_codes

pytestmark = pytest.mark.usefixtures("sketches")

NONE = "{align: null, refine: null}"
Verb = Callable[..., Any]
ON_A_MODEL: dict[str, Verb] = {
    "implicit": implicit.analyze,
    "ablate": ablate.analyze,
    "alignment": alignment.analyze,
    "cost": lambda run, out: cost.analyze(str(run), out, device="cpu", rounds=1),
    "atlas": atlas.write_atlas,
}
every_verb_on_a_model = pytest.mark.parametrize("verb", ON_A_MODEL.values(), ids=list(ON_A_MODEL))


@pytest.fixture(scope="module")
def without_codes(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("without") / "run"
    config = tiny_config(tiny_run.data, f"tasks.detection.codes={NONE}", f"tasks.classification.codes={NONE}")
    taxonomy = open_dataset(tiny_run.data, "train").taxonomy
    provenance = checkpoint.Provenance(config=config.to_dict(), taxonomy=asdict(taxonomy))
    state = build_model(config, taxonomy).state_dict()
    checkpoint.save(path / "checkpoints/best", checkpoint.Checkpoint(state, provenance=provenance))
    return path


@pytest.fixture(scope="module")
def folded(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("folded") / "model"
    state = fold(load_model(tiny_run.path)[0]).state_dict()
    checkpoint.save(path, checkpoint.Checkpoint(state, provenance=checkpoint.load(tiny_run.path).provenance))
    return path


@every_verb_on_a_model
def test_a_model_without_codes_is_told(verb: Verb, without_codes: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="has no implicit codes; train with"):
        verb(without_codes, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@every_verb_on_a_model
def test_a_folded_model_is_told_that_its_codes_are_gone(verb: Verb, folded: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="folded, so its codes are gone"):
        verb(folded, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@every_verb_on_a_model
def test_a_run_that_has_no_checkpoint_yet_is_told(verb: Verb, tiny_run: TinyRun, tmp_path: Path) -> None:
    half = tmp_path / "run"
    shutil.copytree(tiny_run.path, half, ignore=shutil.ignore_patterns("checkpoints"))
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        verb(half, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("verb", [ablate.analyze, alignment.analyze], ids=["ablate", "alignment"])
def test_a_task_that_the_model_has_not_is_told(verb: Verb, tiny_run: TinyRun, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'detection'"):
        verb(tiny_run.path, tmp_path / "out", task="detektion")


def test_logs_that_a_kill_cut_short_are_read_as_far_as_they_go(tiny_run: TinyRun, tmp_path: Path) -> None:
    half = tmp_path / "run"
    shutil.copytree(tiny_run.path, half)
    for name in ("codes.jsonl", "metrics.jsonl"):
        text = (half / name).read_text()
        (half / name).write_text(text[:-7])
    whole = [entry.step for entry in read_codes(tiny_run.path)]
    cut = {row["update"] for row in implicit.analyze(half, tmp_path / "cut").data["history"]}
    assert cut == set(whole[:-1])
    assert comparison.analyze([half], tmp_path / "cut").data["curves"]


def test_a_run_that_logged_one_entry_of_its_codes_has_no_curves_and_says_so(tiny_run: TinyRun, tmp_path: Path) -> None:
    half = tmp_path / "run"
    shutil.copytree(tiny_run.path, half)
    first, *_ = (half / "codes.jsonl").read_text().splitlines()
    (half / "codes.jsonl").write_text(first + "\n")
    section = implicit.analyze(half, tmp_path / "out")
    assert any("at least two entries" in note for note in section.notes) and section.data["values"]


@pytest.mark.parametrize("text", ["", "name: [", "train: {}", "name: a\ntrain: null"])
def test_a_run_with_half_a_config_has_no_curves(text: str, tiny_run: TinyRun, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.yaml").write_text(text)
    with pytest.raises(DataError, match="not the config of a run"):
        comparison.analyze([tmp_path / "run"], tmp_path / "out")


@pytest.fixture
def one_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """The quick atlas looks at one picture, and measures the cost once."""
    monkeypatch.setattr(atlas, "QUICK_PICTURES", 1)
    monkeypatch.setattr(cost, "ROUNDS", 1)


@pytest.mark.usefixtures("one_picture")
def test_of_one_picture_and_without_metrics_the_atlas_is_what_can_be_told(tiny_run: TinyRun, tmp_path: Path) -> None:
    half = tmp_path / "run"
    shutil.copytree(tiny_run.path, half, ignore=shutil.ignore_patterns("metrics.*"))
    with pytest.raises(DataError, match=r"no line in metrics\.jsonl yet"):
        comparison.analyze([half], tmp_path / "out")
    with pytest.raises(DataError, match="no gradient cosines"):
        conflict.analyze(half, tmp_path / "out")
    made = atlas.write_atlas(half, tmp_path / "out", quick=True)
    assert len(made.left_out) == 2
    page = made.page.read_text()
    assert "one picture cannot be resampled" in page and "1 picture of val" in page


def test_a_picture_without_objects_has_no_features_to_compare(tiny_run: TinyRun, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(tiny_run.data, data)
    path = data / "annotations/instances_val.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"annotations": []}))
    with pytest.raises(DataError, match="no labelled object"):
        alignment.analyze(tiny_run.path, tmp_path / "out", [f"data={data}"])


def test_one_object_is_a_point_in_the_middle() -> None:
    mean, axes, share = principal_axes([torch.ones(1, 5)])
    assert torch.equal(mean, torch.ones(5).double()) and axes.shape == (5, 2) and share.shape == (2,)
