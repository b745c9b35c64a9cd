"""The verbs that look at one run: what they write, and what they say where there is nothing to look at."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from analysis import alignment, comparison, conflict, cost, implicit
from analysis.factors import cosine_rows, effective_rank, factor_rows, hoyer_sparsity
from analysis.object_features import at_objects, before_and_after, sharing, size_classes
from analysis.pictures import some_pictures
from analysis.report import ORDER, Section, save
from analysis.subject import codes_of, open_subject
from tests.tiny import TinyRun, make_untrained_run, tiny_config, tiny_data, train_quietly
from unified.build import build_model
from unified.data.dataset import open_dataset
from unified.data.sample import Taxonomy
from unified.errors import DataError

NONE = "{align: null, refine: null}"

pytestmark = pytest.mark.usefixtures("sketches")


@pytest.fixture(scope="module")
def implicit_of(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> tuple[Section, Path]:
    """The section on the codes of the tiny run, with its pictures really drawn, and where it is."""
    out = tmp_path_factory.mktemp("implicit")
    return implicit.analyze(tiny_run.path, out), out


def test_implicit_shows_every_code_by_anchor_level_and_name(
    tiny_run: TinyRun, implicit_of: tuple[Section, Path]
) -> None:
    section, out = implicit_of
    rows = section.data["values"]
    level = [r for r in rows if (r["task"], r["place"], r["level"]) == ("detection", "refine", "p3")]
    assert [r["name"] for r in level[:5]] == ["x", "y", "w", "h", "obj"] and level[0]["anchor"].startswith("1 (")
    assert {r["part"] for r in level} == {"xy", "wh", "obj", "classes"} and len({r["anchor"] for r in level}) == 3
    assert {row["code"] for row in section.tables["norms"]} == set(open_subject(tiny_run.path).model.codes())
    files = {path.name for path in (out / "implicit").iterdir()}
    assert {"refinement-detection.png", "refinement-detection.pdf", "alignment.png", "history.png"} <= files
    assert {"cosines.png", "values.csv", "implicit.json", "projector"} <= files and not section.notes


def test_the_history_starts_at_the_start_and_follows_every_code(implicit_of: tuple[Section, Path]) -> None:
    rows = implicit_of[0].data["history"]
    steps = [row["update"] for row in rows if row["code"] == "detection/align/p3"]
    assert steps[0] == 0 and rows[0]["from_start"] == 0 and rows[1]["from_start"] > 0


def test_projector_files_fit_together(implicit_of: tuple[Section, Path]) -> None:
    folder = implicit_of[1] / "implicit/projector"
    config = (folder / "projector_config.pbtxt").read_text()
    for vectors in folder.glob("*.tsv"):
        if vectors.stem.endswith("metadata"):
            continue
        head, *labels = (folder / f"{vectors.stem}-metadata.tsv").read_text().splitlines()
        points = [line.split("\t") for line in vectors.read_text().splitlines()]
        assert len(points) == len(labels) > 1 and len({len(point) for point in points}) == 1, vectors
        assert len(head.split("\t")) == len(labels[0].split("\t")) and f'"{vectors.name}"' in config


def test_a_checkpoint_away_from_its_run_has_no_history_and_the_report_says_so(
    tiny_run: TinyRun, tmp_path: Path
) -> None:
    shutil.copytree(tiny_run.path / "checkpoints/best", tmp_path / "copy")
    section = implicit.analyze(tmp_path / "copy", tmp_path / "out")
    assert any("no codes.jsonl" in note for note in section.notes) and "history" not in section.data


def test_a_checkpoint_of_a_run_finds_the_run_s_log(tiny_run: TinyRun, tmp_path: Path) -> None:
    assert implicit.analyze(tiny_run.path / "checkpoints/last", tmp_path).data["history"]


def test_a_run_may_keep_no_log(tiny_run: TinyRun, tmp_path: Path) -> None:
    train_quietly(tiny_config(tiny_run.data, "train.max_steps=1", "train.log_codes=0"), tmp_path / "run")
    assert not (tmp_path / "run/codes.jsonl").exists()


def test_alignment_compares_features_at_the_objects(tiny_run: TinyRun, tmp_path: Path) -> None:
    section = alignment.analyze(tiny_run.path, tmp_path, pictures=0)
    rows = section.tables["centroids"]
    codes = {(c.task, c.level): c for c in codes_of(open_subject(tiny_run.path).model, "") if c.place == "align"}
    for row in rows:  # an added code moves the mean by itself, and nothing apart
        assert row["moved"] == pytest.approx(float(codes[row["task"], row["level"]].values().norm()), rel=1e-4)
        assert row["small_large_after"] == pytest.approx(row["small_large_before"], rel=1e-4)
    same = [row["cka"] for row in section.tables["cka"] if "f(x)" in row["first"] and "code" in row["second"]]
    assert same == pytest.approx([1.0] * len(same), abs=1e-4)


def test_a_code_s_features_are_what_its_convolution_is_given(tmp_path: Path) -> None:
    codes = "codes={align: {operator: add}, refine: null}"
    jde = make_untrained_run(tiny_data(tmp_path / "data"), tmp_path / "run", f"tasks.detection.{codes}")
    subject = open_subject(jde.path)
    both = [code for code in codes_of(subject.model, "") if code.place == "align"]
    batches = list(some_pictures(subject, split="val", pictures=0)[0])
    found = at_objects(subject.model, both, batches)
    (batch,) = batches
    with torch.inference_mode():
        features = subject.model.trunk(batch.images / 255)
        head: Any = subject.model.task("embedding").head
        own = {level: layers(features[level]) for level, layers in head.own.items()}
    for code in both:
        given = (own if code.task == "embedding" else features)[code.level]
        known = given.movedim(1, -1).flatten(0, -2)
        assert found.features[code.name].shape == (len(found.size), known.shape[1])
        assert (torch.cdist(found.features[code.name], known).min(1).values < 1e-3).all(), code.name


def test_tasks_with_features_of_their_own_are_compared_on_them(tiny_jde: TinyRun, tmp_path: Path) -> None:
    codes = "codes={align: {operator: add}, refine: null}"
    jde = make_untrained_run(tiny_jde.data, tmp_path / "run", f"tasks.detection.{codes}")
    section = alignment.analyze(jde.path, tmp_path / "out", pictures=0)
    first = {row["first"] for row in section.tables["cka"]}
    assert {"p3, f(x) of detection", "p3, f(x) of embedding"} <= first
    assert len(section.tables["centroids"]) == 6


def test_the_features_of_a_code_for_every_anchor_are_those_that_others_share(tiny_run: TinyRun) -> None:
    codes_for_anchors = "codes={align: {operator: add, per_anchor: true}, refine: null}"
    config = tiny_config(tiny_run.data, f"tasks.detection.{codes_for_anchors}")
    model = build_model(config, open_dataset(tiny_run.data, "train").taxonomy).eval()
    codes = [code for code in codes_of(model, "") if code.place == "align"]
    found = at_objects(model, codes, some_pictures(open_subject(tiny_run.path), split="val", pictures=0)[0])
    assert [[code.task for code in group] for group in sharing(found, codes)] == [["detection", "classification"]] * 3
    before, _ = before_and_after(found.features[codes[0].name], codes[0])
    assert before.shape[1] == 3 * found.features[codes[0].name].shape[1]


def test_alignment_of_one_picture_is_drawn_as_far_as_it_goes(tiny_run: TinyRun, tmp_path: Path) -> None:
    section = alignment.analyze(tiny_run.path, tmp_path, pictures=1)
    assert section.plots and section.tables["centroids"]


def test_sizes_are_coco_s_unless_nearly_all_objects_are_of_one() -> None:
    size, text = size_classes(torch.tensor([100.0, 5000.0, 20000.0]))
    assert size.tolist() == [0, 1, 2] and "COCO's: areas" in text
    size, text = size_classes(torch.arange(1.0, 10))
    assert size.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2] and "thirds" in text


def conflict_lines() -> list[dict[str, Any]]:
    keys = [f"conflict/cosine/{level}/detection/tags" for level in ("p3", "all")]
    return [{"kind": "step", "step": s, keys[0]: -0.5, keys[1]: 0.1 * s, "conflict/norm/p3/tags": 9.0} for s in (1, 2)]


def test_conflict_reads_the_cosines_of_the_log(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in conflict_lines()))
    section = conflict.analyze(tmp_path, tmp_path / "out")
    rows = {row["level"]: row for row in section.tables["summary"]}
    assert rows["p3"]["mean"] == -0.5 and rows["p3"]["share_negative"] == 1 and rows["all"]["share_negative"] == 0
    assert rows["all"]["pair"] == "detection · tags" and rows["all"]["mean_of_last_quarter"] == pytest.approx(0.2)


def test_conflict_needs_logged_cosines(tiny_run: TinyRun, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no gradient cosines"):
        conflict.analyze(tmp_path, tmp_path / "out")


def write_run(path: Path, name: str, seed: int, score: float) -> Path:
    path.mkdir()
    (path / "config.yaml").write_text(f"name: {name}\ntrain: {{seed: {seed}}}\n")
    lines = [{"kind": "step", "step": 1, "epoch": 1, "loss": score}, {"kind": "epoch", "step": 1, "epoch": 1}]
    lines[1] |= {"detection/AP": score, "fitness": score}
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_runs_that_differ_in_their_seed_alone_are_one_curve(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / f"{n}{s}", n, s, v) for n, s, v in [("a", 0, 0.1), ("a", 1, 0.3), ("b", 0, 0.5)]]
    section = comparison.analyze(runs, tmp_path / "out")
    found = {row["group"]: row for row in section.tables["final"]}
    assert found["a"]["runs"] == 2 and found["a"]["mean"] == pytest.approx(0.2)
    assert found["a"]["sd"] == pytest.approx(0.02**0.5) and found["b"]["sd"] is None


@pytest.mark.parametrize("others", [[], [0.5]])
def test_a_score_that_was_never_defined_has_no_last_value(tmp_path: Path, others: list[float]) -> None:
    runs = [write_run(tmp_path / "0", "a", 0, 0.1), *(write_run(tmp_path / "1", "b", 0, score) for score in others)]
    path = runs[0] / "metrics.jsonl"
    path.write_text(path.read_text().replace('"detection/AP": 0.1', '"detection/AP": null'))
    section = comparison.analyze(runs, tmp_path / "out")
    row = section.tables["final"][0]
    assert row == {"group": "a", "number": "detection/AP", "epoch": None, "mean": None, "sd": None, "runs": 0}
    assert "–</td>" in (tmp_path / "out/report.html").read_text()


def test_curves_need_runs(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no config\.yaml"):
        comparison.analyze([tmp_path], tmp_path / "out")


def test_cost_counts_codes_and_what_folding_takes_away(tiny_run: TinyRun, tmp_path: Path) -> None:
    without, coded, folded = cost.analyze(str(tiny_run.path), tmp_path, device="cpu", rounds=1).tables["cost"]
    model = open_subject(tiny_run.path).model
    numbers = sum(code.modelling_size() for code in model.codes().values())
    assert coded["parameters"] - without["parameters"] == numbers
    assert folded["parameters"] < without["parameters"] and folded["mflops"] < without["mflops"] < coded["mflops"]


def test_cost_of_a_config_is_that_of_coco_s_classes(tmp_path: Path) -> None:
    section = cost.analyze("jdc-shapes", tmp_path, ["size=64"], device="cpu", rounds=1)
    assert "64 × 64" in section.subject and len(section.tables["cost"]) == 3


def test_factors_have_their_rank_and_sparsity(tiny_run: TinyRun) -> None:
    code = "{operator: add, modelling: factorization, sparse: 0.5}"
    config = tiny_config(tiny_run.data, f"tasks.detection.codes={{align: {code}, refine: null}}")
    rows = factor_rows(codes_of(build_model(config, Taxonomy(("a",), (1,))), "model"))
    detection = [row for row in rows if row["code"].startswith("detection")]
    assert len(detection) == 3 and all(0 < row["zero_share"] < 1 for row in detection)
    assert all(1 < row["effective_rank"] <= row["full_rank"] for row in detection)


def test_rank_and_sparsity_at_their_ends() -> None:
    assert effective_rank(torch.eye(5)) == pytest.approx(5) and effective_rank(torch.ones(4, 4)) == pytest.approx(1)
    assert hoyer_sparsity(torch.ones(9)) == pytest.approx(0) and hoyer_sparsity(torch.eye(9)[0]) == pytest.approx(1)


def test_cosines_between_tasks_are_those_of_what_the_codes_do(tiny_run: TinyRun) -> None:
    codes = codes_of(open_subject(tiny_run.path).model, "model")
    with torch.no_grad():
        for code in codes:
            code.code.modelling.z.fill_(0.3 if code.task == "detection" else -0.2)  # type: ignore[operator]
    rows = cosine_rows(codes)
    assert [row["cosine"] for row in rows] == pytest.approx([-1.0] * 3) and {row["place"] for row in rows} == {"align"}


def test_the_report_holds_all_sections_in_order_and_escapes_text(tmp_path: Path) -> None:
    for name in reversed(ORDER):
        save(Section(name, f"Title {name}", "<b>", tables={"t": [{"a": 1, "b": None}]}), tmp_path)
    page = (tmp_path / "report.html").read_text()
    places = [page.index(f'<section id="{name}">') for name in ORDER]
    assert places == sorted(places) and "&lt;b&gt;" in page and "http://" not in page and "<script" not in page


def test_a_damaged_section_is_named(tmp_path: Path) -> None:
    save(Section("cost", "a", "b"), tmp_path)
    (tmp_path / "cost/cost.json").write_text("{")
    with pytest.raises(DataError, match=r"cost\.json: no section of a report"):
        save(Section("implicit", "a", "b"), tmp_path)
