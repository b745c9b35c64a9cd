"""The table of weightings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from unified.errors import ConfigError
from unified.train.weighting import catalogue
from unified.train.weighting.catalogue import WEIGHTINGS
from unified.train.weighting.weighting import Observed

TASKS = ("a", "b")


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_each_has_its_paper_its_sentence_and_its_cost(name: str) -> None:
    entry = WEIGHTINGS[name]
    assert re.fullmatch(r"arXiv \d{4}\.\d{5}|openreview \w+", entry.paper)
    assert entry.says.endswith(".") and entry.says.count(".") == 1 and entry.cost


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_each_weighs_with_its_defaults(name: str) -> None:
    weighting = catalogue.make(name, TASKS)
    gramian = torch.eye(2) if weighting.needs_gradients else None
    weights = weighting(Observed({task: torch.ones(()) for task in TASKS}, gramian))
    assert sum(float(weight) for weight in weights.values()) == pytest.approx(2, rel=0.6)


def test_an_unknown_name_or_option_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"joint\.weighting: unknown weighting 'upgrat'; did you mean 'upgrad'"):
        catalogue.make("upgrat", TASKS)
    with pytest.raises(ConfigError, match=r"joint\.options\.temperatur: .*'temperature'"):
        catalogue.make("dwa", TASKS, {"temperatur": 1.0})


def test_options_reach_the_weighting() -> None:
    assert vars(catalogue.make("dwa", TASKS, {"temperature": 7.0}))["temperature"] == 7.0


def test_torchjd_is_imported_in_one_file() -> None:
    root = Path(__file__).parents[3]
    users = [
        path.name for path in (root / "unified").rglob("*.py") if re.search(r"(from|import) torchjd", path.read_text())
    ]
    assert users == ["gramian.py"]
