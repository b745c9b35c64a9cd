"""The causal test on codes that were set by hand, where the answer is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from analysis import ablate
from analysis.bootstrap import SLOW_DRAWS, Scored, interval
from analysis.interventions import held, plan
from analysis.pictures import evenly, some_pictures
from analysis.subject import Code, codes_of, open_subject
from tasks.embedding.metric import RetrievalMetric
from tasks.embedding.result import Embeddings
from tests.tiny import VAL, TinyRun
from unified.build import load_model
from unified.data.sample import Labels, Objects, Record, Sample
from unified.errors import ConfigError
from unified.evaluate import answer
from unified.model.multitask import MultiTaskModel
from unified.ops.frame import Frame
from unified.task import Metric, Prediction
from unified.train.code_log import read_codes

pytestmark = pytest.mark.usefixtures("sketches")


@pytest.fixture
def model(tiny_run: TinyRun) -> MultiTaskModel:
    return load_model(tiny_run.path)[0]


def cannot_resample(fast: Callable[[], Metric]) -> Callable[[], Metric]:
    """Makes metrics like `fast`, that are no `Resampled`."""

    class Slow:
        def __init__(self) -> None:
            self.own = fast()
            self.update, self.compute = self.own.update, self.own.compute

    return Slow


def set_by_hand(code: Code, value: float) -> None:
    with torch.no_grad():
        code.code.modelling.z.fill_(value)  # type: ignore[operator]


def plans(model: MultiTaskModel, kind: str, *, each_level: bool = False) -> dict[str, dict[str, torch.Tensor]]:
    found, _ = plan(codes_of(model, "model"), [], each_level=each_level)
    return {i.unit: dict(i.values) for i in found if i.kind == kind}


def test_neutral_is_what_leaves_the_features_alone(model: MultiTaskModel) -> None:
    neutral = plans(model, "neutral")
    assert set(neutral["detection/align"]) == {f"detection/align/p{i}" for i in (3, 4, 5)}
    assert all((value == 0).all() for value in neutral["detection/align"].values())
    assert all((value == 1).all() for value in neutral["classification/refine"].values())


def test_swap_gives_each_task_the_other_s_values(model: MultiTaskModel) -> None:
    for code in codes_of(model, "model"):
        set_by_hand(code, {"detection": 2.0, "classification": 3.0}[code.task])
    swapped = plans(model, "swap")
    assert list(swapped) == ["detection/align", "classification/align"]  # refinements differ in their shape
    assert all((value == 3).all() for value in swapped["detection/align"].values())
    assert all((value == 2).all() for value in swapped["classification/align"].values())


def test_shuffle_keeps_the_values_and_moves_them(model: MultiTaskModel) -> None:
    codes = {code.name: code for code in codes_of(model, "model")}
    for name, value in plans(model, "shuffle")["detection/align"].items():
        own = codes[name].values()
        assert not torch.equal(value, own) and torch.equal(value.sort().values, own.sort().values)


def test_initial_is_the_first_entry_of_the_code_log(tiny_run: TinyRun, model: MultiTaskModel) -> None:
    entries = read_codes(tiny_run.path)
    found, notes = plan(codes_of(model, "model"), entries, each_level=True)
    initial = {name: value for i in found if i.kind == "initial" for name, value in i.values.items()}
    assert all(torch.equal(value[0], entries[0].codes[name]) for name, value in initial.items())
    assert len(initial) == 12 and not [note for note in notes if "start" in note]


def test_an_intervention_leaves_the_model_as_it_was(model: MultiTaskModel) -> None:
    code = codes_of(model, "model")[0]
    before = code.values()
    with held(code.code, torch.full_like(before, 7.0)):
        assert (code.code.g() == 7).all()
    assert torch.equal(code.values(), before) and "z" in dict(code.code.modelling.named_parameters())


def test_taking_away_codes_that_are_neutral_changes_nothing_and_others_change_their_own_task(
    tiny_run: TinyRun, model: MultiTaskModel
) -> None:
    codes = codes_of(model, "model")
    for code in codes:
        set_by_hand(code, float(code.code.centre.mean()))
    refine = [code for code in codes if code.task == "classification" and code.place == "refine"]
    for code in refine:
        set_by_hand(code, -1.0)  # every score upside down
    neutral = [i for i in plan(codes, [], each_level=False)[0] if i.kind == "neutral"]
    batches, count = some_pictures(open_subject(tiny_run.path), split="val", pictures=0)
    rows = ablate.changes(ablate.run(model, codes, neutral, batches), {}, draws=20)
    # Nothing moves where the value is neutral already, so that no task is even asked.
    assert count == VAL and {row["code"] for row in rows} == {"classification/refine"}
    (row,) = [row for row in rows if row["number"] == "mAP"]
    assert row["change"] == pytest.approx(row["after"] - row["before"]) and abs(row["change"]) > 0.05
    assert row["low"] <= row["high"]


def test_the_verb_writes_its_section(tiny_run: TinyRun, tmp_path: Path) -> None:
    section = ablate.analyze(tiny_run.path, tmp_path, pictures=3, draws=10)
    rows = section.tables["changes"]
    assert {row["intervention"] for row in rows} == {"neutral", "swap", "shuffle", "initial"}
    assert {(row["task"], row["number"]) for row in rows} >= {("detection", "AP"), ("classification", "OF1")}
    assert json.loads((tmp_path / "ablate/ablate.json").read_text())["tables"]["changes"] == rows
    assert (tmp_path / "ablate/changes.csv").is_file() and "data:image/png" in (tmp_path / "report.html").read_text()
    assert any("3 pictures" in note for note in section.notes)


def test_one_picture_has_changes_but_no_intervals(tiny_run: TinyRun, tmp_path: Path) -> None:
    section = ablate.analyze(tiny_run.path, tmp_path, pictures=1, task="classification", draws=10)
    assert {row["task"] for row in section.tables["changes"]} == {"classification"}
    assert any("one picture cannot be resampled" in note for note in section.notes)
    assert all(row["low"] is None for row in section.tables["changes"])


def test_of_one_picture_a_metric_that_cannot_resample_has_changes_but_no_intervals(
    tiny_run: TinyRun, model: MultiTaskModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    slow = cannot_resample(model.task("classification").metric)
    monkeypatch.setattr(type(model.task("classification")), "metric", lambda task: slow())
    section = ablate.analyze(tiny_run.path, tmp_path, pictures=1, task="classification")
    rows = section.tables["changes"]
    assert rows and all(row["change"] is not None and row["low"] is None for row in rows)


def test_the_interval_of_an_embedding_s_change_holds_the_change() -> None:
    """Vectors that lose their order, looked up by pictures drawn with replacement: copies must not find each other."""
    before, after = (Scored(lambda: RetrievalMetric("it", "identity", ["thing"], torch.zeros(0).long())) for _ in "ab")
    centres = torch.randn(20, 16)
    for i in range(60):
        numbers = torch.tensor([i % 20, (7 * i + 3) % 20])
        objects = Objects.make(torch.tensor([[0.0, 0, 9, 9]] * 2), torch.zeros(2), (9, 9), identities=numbers)
        record = Record(i, Path(), (9, 9), Labels(objects))
        sample = Sample(torch.zeros(3, 9, 9), record.labels, Frame.identity((9, 9)), record)
        for scored, noise in ((before, 0.2), (after, 2.5)):
            vectors = torch.nn.functional.normalize(centres[numbers] + noise * torch.randn(2, 16), dim=1)
            scored.update([Prediction({"it": Embeddings(vectors[0], vectors[:0], vectors)})], [sample])
    for number in ("mAP", "Rank-1"):
        was, now = before.numbers()[number], after.numbers()[number]
        found = interval(after.draws(50)[number] - before.draws(50)[number])
        assert was is not None and now is not None and found is not None
        assert found[0] < now - was < found[1] and found[1] - found[0] < 0.3


def test_without_a_code_log_nothing_is_put_back_and_the_report_says_so(tiny_run: TinyRun, tmp_path: Path) -> None:
    best = tiny_run.path / "checkpoints/best"
    copied = tmp_path / "copied"
    copied.mkdir()
    for file in best.iterdir():
        (copied / file.name).write_bytes(file.read_bytes())
    section = ablate.analyze(copied, tmp_path / "out", pictures=2, task="classification", draws=2)
    assert "initial" not in {row["intervention"] for row in section.tables["changes"]}
    assert any("no code log" in note for note in section.notes)


def test_a_task_that_is_not_there_is_named(tiny_run: TinyRun, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'classification'"):
        ablate.analyze(tiny_run.path, tmp_path, task="clasification")


def test_a_metric_that_cannot_resample_is_computed_anew_for_each_draw(tiny_run: TinyRun, model: MultiTaskModel) -> None:
    slow = cannot_resample(model.task("classification").metric)
    batches, _ = some_pictures(open_subject(tiny_run.path), split="val", pictures=0)
    (plain,) = ablate.run(model, [], [], batches)
    seen = Scored(slow)
    batches, _ = some_pictures(open_subject(tiny_run.path), split="val", pictures=0)
    with torch.inference_mode():
        for batch in batches:
            raw = model(batch.images / 255)
            seen.update(answer({n: model.task(n) for n in raw}, raw, batch.samples), batch.samples)
    anew, quick = seen.draws(200)["mAP"], plain.scored["classification"].draws(SLOW_DRAWS)["mAP"]
    assert len(anew) == SLOW_DRAWS
    torch.testing.assert_close(torch.tensor(anew), torch.tensor(quick), equal_nan=True)


def test_an_interval_holds_the_middle_of_the_draws() -> None:
    draws = torch.arange(1001).double().numpy()
    assert interval(draws) == (25.0, 975.0)
    assert interval(draws[:1]) is None


def test_pictures_are_spread_evenly() -> None:
    assert evenly(10, 5) == [0, 2, 4, 6, 8] and evenly(3, 5) == [0, 1, 2] and evenly(3, 0) == [0, 1, 2]
