"""The code log: what it keeps, how often, and that a resumed training writes the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.train.toys import toy_model, toy_trainer
from unified.model.code_spec import CodeSpec
from unified.model.implicit import ImplicitCode
from unified.train.code_log import CODES, CodeLog, logged, read_codes
from unified.train.log import StepRecord
from unified.train.plan import Recipe, plan
from unified.train.trainer import Trainer


def codes_of(trainer: Trainer) -> dict[str, ImplicitCode]:
    """Of the toy, whose tasks do not tell theirs."""
    return {name: module for name, module in trainer.bare.named_modules() if isinstance(module, ImplicitCode)}


class Killed(CodeLog):
    """Dies after its fifth entry, as the process might."""

    def step(self, record: StepRecord) -> None:
        super().step(record)
        if record.step == 5:
            raise KeyboardInterrupt


def train(folder: Path, *, resume: bool = False, every: int = 1, log: type[CodeLog] = CodeLog) -> None:
    trainer = toy_trainer(folder, resume=resume)
    trainer.sinks = [*trainer.sinks, log(folder, codes_of(trainer), every=every)]
    trainer.fit()


def test_the_start_and_every_kth_update_are_kept(tmp_path: Path) -> None:
    start = {name: logged(module) for name, module in toy_model().named_modules() if isinstance(module, ImplicitCode)}
    train(tmp_path / "run", every=3)
    entries = read_codes(tmp_path / "run")
    assert [entry.step for entry in entries] == [0, 3, 6, 9, 12]
    assert entries[0].codes.keys() == start.keys()
    for name, values in start.items():
        torch.testing.assert_close(entries[0].codes[name], values, rtol=1e-5, atol=0.0)
        assert not torch.equal(entries[0].codes[name], entries[-1].codes[name])


def test_a_resumed_training_writes_the_same_bytes(tmp_path: Path) -> None:
    train(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "parts", log=Killed)
    with (tmp_path / "parts" / CODES).open("a") as file:
        file.write('{"step": 6, "codes": {"half a li')  # as a kill leaves it
    train(tmp_path / "parts", resume=True)
    whole, parts = ((tmp_path / name / CODES).read_bytes() for name in ("whole", "parts"))
    assert whole == parts and whole.count(b"\n") == 13


def test_a_start_from_nothing_leaves_no_entry_of_an_earlier_one(tmp_path: Path) -> None:
    for _ in range(2):
        log = CodeLog(tmp_path, {"a": CodeSpec(operator="add").align(3)})
        log.start(plan(Recipe(epochs=1), batches=1, batch=1), 0)
        log.close()
    assert [entry.step for entry in read_codes(tmp_path)] == [0]


@pytest.mark.parametrize(("updates", "every"), [(10, 1), (199, 1), (1000, 5), (500_000, 2500)])
def test_without_a_wish_there_are_about_two_hundred_entries(tmp_path: Path, updates: int, every: int) -> None:
    log = CodeLog(tmp_path, {"a": CodeSpec(operator="add").align(3)})
    log.start(plan(Recipe(epochs=1, nominal_batch=1), batches=updates, batch=1), 0)
    log.close()
    assert log.every == every


def test_a_matrix_is_kept_by_its_singular_values() -> None:
    code = CodeSpec(operator="project", sigma=0.0).align(5)
    assert torch.allclose(logged(code), torch.ones(5))


def test_a_code_on_some_channels_is_kept_for_those_alone() -> None:
    code = CodeSpec(operator="mul", where="wh").refine(8, index=torch.tensor([2, 3]))
    assert logged(code).shape == (2,)


def test_a_model_without_codes_has_no_log(tmp_path: Path) -> None:
    log = CodeLog(tmp_path, {})
    log.start(plan(Recipe(epochs=1), batches=1, batch=1), 0)
    log.close()
    assert read_codes(tmp_path) == [] and not list(tmp_path.iterdir())
