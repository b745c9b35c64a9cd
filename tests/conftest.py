"""Fixtures and switches of the whole suite: seeds, threads, real data, reference numbers, slow tests."""

from __future__ import annotations

import gc
import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

from tests.tiny import TinyRun, make_tiny_run, make_untrained_run, tiny_data


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-slow", action="store_true", help="run the tests marked slow, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--run-slow"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="slow: give --run-slow"))


def pytest_collection_finish() -> None:
    # What stands now stays: five thousand tests and torch are not to be searched for garbage again and again.
    gc.collect()
    gc.freeze()


def pytest_configure(config: pytest.Config) -> None:
    # Several test processes share the cores; more threads than that make each other wait.
    torch.set_num_threads(1)
    # A slow machine is no failure.
    settings.register_profile("any machine", deadline=None)
    settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def seeds() -> None:
    """Every test draws the same numbers, whatever ran before it."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - libraries that draw from the global generator
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """Detection and classification trained for two updates, once for all tests; not to be changed by any."""
    return make_tiny_run(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny_jde(tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """Detection and embedding, not trained at all, with a data set; not to be changed by any test."""
    root = tmp_path_factory.mktemp("tiny-jde")
    return make_untrained_run(tiny_data(root / "data"), root / "run")


@pytest.fixture
def real_data() -> Path:
    """The folder that holds coco-mini, bccd, mot-mini and orl-faces: UNIFIED_DATA."""
    return _folder_of("UNIFIED_DATA", "real pictures")


@pytest.fixture
def parity() -> Path:
    """The folder that holds the reference's numbers and parity_weights.py: UNIFIED_PARITY."""
    return _folder_of("UNIFIED_PARITY", "the reference's numbers")


def _folder_of(variable: str, what: str) -> Path:
    if variable not in os.environ:
        pytest.skip(f"needs {what}: set {variable} to their folder")
    folder = Path(os.environ[variable])
    if not folder.is_dir():
        pytest.fail(f"{variable}={folder} is no folder")
    return folder
