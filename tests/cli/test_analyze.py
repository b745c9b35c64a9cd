"""The verbs of analysis and experiments: what they make of their words."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from analysis.report import Section
from unified import registry


def test_a_verb_prints_its_tables_or_its_json(cli: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    section = Section("ablate", "T", "S", tables={"all_changes": [{"code": "a", "change": 0.5}]}, notes=["mind this"])
    calls: list[Any] = []

    def analyze(*words: Any, **options: Any) -> Section:
        calls.append((words, options))
        return section

    monkeypatch.setattr(registry, "analysis", lambda name: SimpleNamespace(analyze=analyze))
    options = ["--pictures", 7, "--task", "detection", "--each-level", "--split", "test"]
    out = cli("analyze", "ablate", "runs/1", "data=x", "--out", tmp_path, *options).out
    assert "all changes" in out and "mind this" in out and "report.html" in out
    words, given = calls[0]
    assert words == (Path("runs/1"), tmp_path, ["data=x"])
    given.pop("progress")
    assert given == {"split": "test", "pictures": 7, "task": "detection", "each_level": True}
    for verb in ("implicit", "alignment", "conflict", "curves", "cost"):
        found = json.loads(cli("analyze", verb, "runs/1", "--out", tmp_path, "--json").out)
        assert found["tables"] == section.tables, verb


def test_a_run_that_is_not_there_is_1(cli: Any, tmp_path: Path) -> None:
    answer = cli("analyze", "implicit", tmp_path / "gone", "--out", tmp_path / "out")
    assert answer.code == 1 and "gone" in answer.err


def test_an_experiment_that_is_not_there_is_2_and_one_without_data_too(cli: Any) -> None:
    assert cli("experiment", "tabel1").code == 2
    answer = cli("experiment", "table1-shapes")
    assert answer.code == 2 and "data=PATH" in answer.err


def test_a_table_without_its_runs_says_which_it_lacks(cli: Any, tmp_path: Path) -> None:
    answer = cli("experiment", "table1-shapes", f"data={tmp_path}", "--out", tmp_path / "out", "--tables-only")
    assert answer.code == 1 and "lacks 6 of 6 runs" in answer.err and "| baseline | 0 |" in answer.out
    assert (tmp_path / "out/table.md").is_file()
