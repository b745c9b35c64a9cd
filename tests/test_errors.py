"""Errors cross from one process to another as they are."""

from __future__ import annotations

import pickle

import pytest

from unified.config.problem import InvalidConfig, Origin, Problem
from unified.data.fields import Fault
from unified.data.picture import PictureFault
from unified.errors import DataError, MissingExtraError


@pytest.mark.parametrize(
    "error",
    [
        DataError("a.jpg: cut"),
        MissingExtraError("faiss", "retrieval"),
        InvalidConfig("mine", [Problem(Origin("mine.yaml", 3), "train.lr", "got x")]),
        Fault("kind", "message"),
        PictureFault("kind", "message"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_survives_the_way_between_processes(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and str(again) == str(error) and vars(again) == vars(error)
