"""A grid of runs and its table: what is read, what is skipped, what is computed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.tiny import TinyRun
from unified import registry
from unified.errors import ConfigError, UnifiedError
from unified.experiment import runs as runs_module
from unified.experiment.interval import mean, t95
from unified.experiment.outcome import gathered, outcome
from unified.experiment.render import markdown, write
from unified.experiment.runs import Run, grid, train_all
from unified.experiment.spec import Experiment, read_experiment, shipped
from unified.ops.lock import exclusive
from unified.train.log import METRICS
from unified.train.run import LOCK

TINY = """
title: tiny
config: jdc-shapes
set: {size: 64, device: cpu, train.epochs: 1, train.batch: 4, train.nominal_batch: 4, train.workers: 0}
seeds: [0, 1]
numbers: [detection/AP, classification/mAP]
variants:
  joint: {paper: {detection/AP: 47.7}}
  alone: {set: {tasks.classification: false}, paper: {detection/AP: 48.0}}
  codes: {against: [alone, joint], paper: {detection/AP: 48.1}}
delta_m: {detection/AP: alone, classification/mAP: joint}
"""


def write_experiment(folder: Path, text: str = TINY) -> Experiment:
    (folder / "tiny.yaml").write_text(text)
    return read_experiment(str(folder / "tiny.yaml"))


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_experiment_is_made_of_valid_configs(name: str, tmp_path: Path) -> None:
    experiment = read_experiment(name)
    for variant, own in experiment.variants.items():
        foreign = {key.split(".")[1] for key in own.set if key.startswith("tasks.")} - set(registry.task_names())
        if not foreign:  # a task of another package is checked where it is installed
            assert experiment.run_config(variant, 3, (f"data={tmp_path}",)).train.seed == 3


def test_every_table_is_there_in_both_sizes_and_says_what_it_costs() -> None:
    tables = [f"table{i}" for i in (1, 2, 3, 4, 5, 6, 8)] + ["jdc", "jde"]
    ours = ["all-shapes", "weightings-shapes", "labels-shapes"]  # of questions that the paper does not ask
    assert shipped() == sorted([*tables, *(f"{name}-shapes" for name in tables), *ours])
    for name in shipped():
        text = Path(runs_module.__file__).parents[2].joinpath("configs/experiments", f"{name}.yaml").read_text()
        assert all(word in text.split("\ntitle")[0] for word in ("# Paper ", "# Command ", "# Cost ")), name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("title: tiny", "titel: tiny"), "titel"),
        (("against: [alone,", "against: [alnoe,"), "did you mean 'alone'"),
        (("classification/mAP: joint", "classification/mAP: x"), r"delta_m\.classification/mAP: no variant 'x'"),
        (("config: jdc-shapes", ""), "has no config"),
        (("seeds: [0, 1]", "seeds: []"), "seeds"),
        (("seeds: [0, 1]", "seeds: [1, 0, 1]"), r"seeds: \[1\] more than once"),
        (("title: tiny", "title: ["), "not valid YAML"),
        ((TINY, "- a\n- b"), "tiny.yaml:1: expected a mapping"),
        (("title: tiny", "title: tiny\ntitle: other"), "tiny.yaml:3: title: said twice"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        write_experiment(tmp_path, TINY.replace(*change))


def test_values_are_read_as_those_of_configs_are(tmp_path: Path) -> None:
    experiment = write_experiment(tmp_path, TINY.replace("set: {size: 64", "set: {train.lr: 1e-3, size: 64"))
    assert experiment.run_config("joint", 0, (f"data={tmp_path}",)).train.lr == 0.001


def test_an_unknown_experiment_has_its_nearest_name() -> None:
    with pytest.raises(ConfigError, match="did you mean 'table1"):
        read_experiment("tabel1")


def test_the_grid_is_variants_by_seeds_with_the_changes_of_each(tmp_path: Path) -> None:
    found = grid(write_experiment(tmp_path), tmp_path / "out", [f"data={tmp_path}", "train.epochs=2"])
    assert [(run.variant, run.seed) for run in found] == [(v, s) for s in (0, 1) for v in ("joint", "alone", "codes")]
    assert list(found[0].config.tasks) == ["detection", "classification"] and list(found[1].config.tasks) == [
        "detection"
    ]
    assert found[4].config.train.seed == 1 and found[4].config.train.epochs == 2 and found[4].config.name == "alone"


@pytest.mark.parametrize(("word", "message"), [("train.seed=7", "--seeds"), ("name=mine", "that of its variant")])
def test_what_tells_the_runs_apart_is_no_override(word: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        grid(write_experiment(tmp_path), tmp_path / "out", [f"data={tmp_path}", word])


def test_runs_are_trained_once_and_a_changed_experiment_does_not_mix_with_them(
    tiny_run: TinyRun, tmp_path: Path
) -> None:
    text = TINY.replace("seeds: [0, 1]", "seeds: [0]").replace("  codes: {", "  # codes: {")
    experiment = write_experiment(tmp_path, text)
    words = [f"data={tiny_run.data}", "train.max_steps=1"]
    found = grid(experiment, tmp_path / "out", words)
    said: list[str] = []
    assert train_all(found, jobs=1, tell=said.append) == []
    assert [path.name for path in (tmp_path / "out" / "alone").iterdir()] == ["seed-0"], "alone/* names runs only"
    stamps = [(run.path / METRICS).stat().st_mtime_ns for run in found]
    assert train_all(grid(experiment, tmp_path / "out", words), jobs=1, tell=said.append) == []
    assert stamps == [(run.path / METRICS).stat().st_mtime_ns for run in found]
    assert said[0].startswith("0 of 2") and said[-1] == "2 of 2 runs are there already"
    numbers = gathered(found)
    assert numbers["joint"][0]["classification/mAP"] is not None and "classification/mAP" not in numbers["alone"][0]
    paths = write(experiment, tmp_path / "out", numbers, outcome(experiment, numbers))
    assert all(path.is_file() for path in paths)
    with pytest.raises(ConfigError, match="another config than joint, seed 0"):
        grid(experiment, tmp_path / "out", [*words, "train.batch=2"])


def test_each_task_alone_is_alone(tmp_path: Path) -> None:
    for name in ("jdc", "jde", "jdc-shapes", "jde-shapes"):
        experiment = read_experiment(name)
        for task in (number.split("/")[0] for number in experiment.delta_m):
            assert list(experiment.run_config(f"{task}-alone", 0, (f"data={tmp_path}",)).tasks) == [task]


def test_variants_of_one_name_and_config_are_one_run_for_all_tables(tmp_path: Path) -> None:
    names = [f"table{i}-shapes" for i in (1, 2, 3, 4, 5, 6)]
    experiments = [read_experiment(name).model_copy(update={"seeds": [0]}) for name in names]
    grids = [grid(experiment, tmp_path, [f"data={tmp_path}"]) for experiment in experiments]
    configs: dict[Path, Any] = {}
    for run in (run for runs in grids for run in runs):
        assert configs.setdefault(run.path, run.config) == run.config, run.path
    assert len(configs) == 14 < sum(map(len, grids))


def test_a_run_whose_status_was_cut_short_is_named_before_anything_is_trained(tmp_path: Path) -> None:
    experiment = write_experiment(tmp_path)
    run = grid(experiment, tmp_path / "out", [f"data={tmp_path}"])[0]
    run.path.mkdir(parents=True)
    (run.path / "status.json").write_text('{"sta')
    with pytest.raises(UnifiedError, match=r"joint/seed-0/status\.json: no status of a run"):
        grid(experiment, tmp_path / "out", [f"data={tmp_path}"])


def test_a_run_that_fails_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def train(config: Any, *, out: Path, **options: Any) -> None:
        if config.name == "alone":
            raise UnifiedError("no luck")

    monkeypatch.setattr(runs_module, "train", train)
    found = grid(write_experiment(tmp_path), tmp_path / "out", [f"data={tmp_path}"])
    said: list[str] = []
    assert train_all(found, jobs=1, tell=said.append) == ["alone, seed 0: no luck", "alone, seed 1: no luck"]
    assert len(said) == 7


def test_an_error_that_is_no_fault_of_the_user_fails_its_own_run_and_leaves_its_traceback_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(config: Any, *, out: Path, **options: Any) -> None:
        if config.name == "alone":
            raise RuntimeError("an illegal memory access")

    monkeypatch.setattr(runs_module, "train", train)
    found = grid(write_experiment(tmp_path), tmp_path / "out", [f"data={tmp_path}"])[:3]
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "codes").write_text("where its folder is to be")
    alone, codes = train_all(found, jobs=1, tell=lambda line: None)
    assert alone == "alone, seed 0: RuntimeError: an illegal memory access"
    assert codes.startswith("codes, seed 0: FileExistsError: ")
    assert "Traceback" in (tmp_path / "out" / "logs" / "alone-seed-0.log").read_text()


def test_ctrl_c_in_one_run_of_one_job_stops_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Path] = []

    def train(config: Any, *, out: Path, **options: Any) -> None:
        begun.append(out)
        raise KeyboardInterrupt

    monkeypatch.setattr(runs_module, "train", train)
    found = grid(write_experiment(tmp_path), tmp_path / "out", [f"data={tmp_path}"])
    with pytest.raises(KeyboardInterrupt):
        train_all(found, jobs=1, tell=lambda line: None)
    assert len(begun) == 1


def test_a_run_that_was_stopped_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resumed: list[bool] = []
    monkeypatch.setattr(runs_module, "train", lambda config, *, out, resume, console: resumed.append(resume))
    found = grid(write_experiment(tmp_path), tmp_path / "out", [f"data={tmp_path}"])
    found[0].path.mkdir(parents=True)
    (found[0].path / "status.json").write_text(json.dumps({"state": "interrupted"}))
    train_all(found[:2], jobs=1, tell=lambda line: None)
    assert resumed == [True, False]


def test_a_run_that_another_process_trains_is_left_to_it(tiny_run: TinyRun, tmp_path: Path) -> None:
    run = grid(write_experiment(tmp_path), tmp_path / "out", [f"data={tiny_run.data}", "train.max_steps=1"])[0]
    run.path.mkdir(parents=True)
    with exclusive(run.path / LOCK):
        (failure,) = train_all([run], jobs=1, tell=lambda line: None)
    assert f"process {os.getpid()} is training in this folder" in failure and run.state() is None


def test_a_run_whose_process_was_killed_goes_on_whoever_has_its_number_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resumed: list[bool] = []
    monkeypatch.setattr(runs_module, "train", lambda config, *, out, resume, console: resumed.append(resume))
    run = grid(write_experiment(tmp_path), tmp_path / "out", [f"data={tmp_path}"])[0]
    run.path.mkdir(parents=True)
    for process in (os.getppid(), 2**30):
        (run.path / "status.json").write_text(json.dumps({"state": "running", "process": process}))
        assert train_all([run], jobs=1, tell=lambda line: None) == []
    assert resumed == [True, True]


def table_of(tmp_path: Path, values: dict[str, list[float]]) -> tuple[Experiment, Any, Any]:
    experiment = write_experiment(tmp_path)
    found = {
        variant: {seed: {"detection/AP": value, "classification/mAP": 0.5} for seed, value in enumerate(own)}
        for variant, own in values.items()
    }
    return experiment, found, outcome(experiment, found)


def test_differences_are_paired_by_seed_and_directions_judged_by_their_interval(tmp_path: Path) -> None:
    # Seeds differ by far more than variants: only the pairing sees it.
    values = {"joint": [0.10, 0.50], "alone": [0.1201, 0.5199], "codes": [0.1101, 0.5099]}
    experiment, found, table = table_of(tmp_path, values)
    alone = table.cells["alone"]["detection/AP"].differences["joint"]
    codes = table.cells["codes"]["detection/AP"].differences
    assert alone.mean.value == pytest.approx(0.02) and alone.verdict == "reproduced" and alone.paper == 0.3
    assert codes["alone"].mean.value == pytest.approx(-0.01) and codes["alone"].verdict == "not reproduced"
    assert codes["joint"].mean.value == pytest.approx(0.01) and codes["joint"].verdict == "reproduced"
    assert not table.cells["joint"]["detection/AP"].differences
    assert table.cells["joint"]["detection/AP"].mean.half > 1
    text = markdown(experiment, table, found)
    assert "| codes − alone | -1.0 ± 0.0 ✗ |" in text and "| alone − joint | +2.0 ± 0.1 ✓ |" in text
    assert "| codes − joint | +1.0 ± 0.1 ✓ |" in text and "Not as shipped" not in text


def test_variants_without_a_common_number_are_not_compared(tmp_path: Path) -> None:
    experiment, found, table = table_of(tmp_path, {"joint": [0.1, 0.2], "alone": [0.3, 0.1]})
    text = markdown(experiment, table, found)
    assert "| alone − joint |" in text and "codes − " not in text


def test_a_table_says_what_was_changed_on_the_command_line(tmp_path: Path) -> None:
    experiment, found, table = table_of(tmp_path, {"joint": [0.1]})
    changed = ["train.epochs=2", "size=64"]
    write(experiment, tmp_path, found, table, changed)
    assert "Not as shipped: `train.epochs=2 size=64`." in (tmp_path / "table.md").read_text()
    assert json.loads((tmp_path / "table.json").read_text())["changed"] == changed


def test_a_difference_that_may_be_noise_is_undecided(tmp_path: Path) -> None:
    _, _, table = table_of(tmp_path, {"joint": [0.1, 0.2], "alone": [0.3, 0.1]})
    assert table.cells["alone"]["detection/AP"].differences["joint"].verdict == "undecided"
    assert table.cells["codes"]["detection/AP"].mean is None


def test_delta_m_is_the_mean_relative_change_over_the_tasks(tmp_path: Path) -> None:
    _, _, table = table_of(tmp_path, {"joint": [0.2, 0.2], "alone": [0.4, 0.4], "codes": [0.5, 0.3]})
    # joint: detection 0.2 against 0.4, classification against itself
    assert table.delta_m["joint"].value == pytest.approx(100 * (-0.5 + 0) / 2)
    assert table.delta_m["codes"].value == pytest.approx(0) and table.delta_m["codes"].half > 0


def test_quantiles_are_those_of_student() -> None:
    stats = pytest.importorskip("scipy.stats")
    for freedom in (1, 2, 5, 30, 31, 60, 500):
        assert t95(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), abs=1e-4)


def test_an_interval_is_t_times_the_standard_error() -> None:
    found = mean([1.0, 2.0, 3.0])
    assert found is not None and found.value == 2 and found.half == pytest.approx(4.3027 / 3**0.5, rel=1e-4)
    single = mean([1.0])
    assert single is not None and single.half is None and single.surely() == 0 and mean([]) is None


def test_a_run_without_a_finished_training_has_no_scores(tmp_path: Path) -> None:
    experiment = write_experiment(tmp_path)
    config = experiment.run_config("joint", 0, (f"data={tmp_path}",))
    assert Run("joint", 0, config, tmp_path / "gone").scores() == {}
