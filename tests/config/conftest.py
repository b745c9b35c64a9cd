"""A task of another package, `toys.pose`, which needs no torch."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_registry import declare

POSE = '''"""Pose: a toy."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Code(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    operator: Literal["add", "mul"] = Field("add", description="How the code meets the features.")
    width: int | None = Field(None, ge=1, description="Of the prior.")


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    align: Code | None = Field(Code(operator="mul"), description="Before the prediction.")
    points: tuple[float, ...] = Field((1.0, 2.0), description="Key points.")
    iou: float = Field(0.65, ge=0, le=1, description="Threshold.")
    low: int = Field(0, description="Least.")
    high: int = Field(9, description="Most.")

    @model_validator(mode="after")
    def _in_order(self):
        if self.low > self.high:
            raise ValueError(f"low may not exceed high; got {self.low} and {self.high}")
        return self


def task(levels, taxonomy, **options): ...
'''


@pytest.fixture(scope="session", autouse=True)
def toys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Makes `toys.pose` importable."""
    folder = tmp_path_factory.mktemp("packages")
    package = folder / "toys" / "pose"
    package.mkdir(parents=True)
    (folder / "toys" / "__init__.py").touch()
    (package / "__init__.py").write_text(POSE)
    declare(folder, "toys", "toys.pose")
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
