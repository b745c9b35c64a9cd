from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from unified.cli import main


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


Cli = Callable[..., Answer]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """`cli("tasks", "--json")`: the command line, in this process."""

    def call(*words: object) -> Answer:
        with pytest.raises(SystemExit) as stopped:
            main([str(word) for word in words])
        captured = capsys.readouterr()
        return Answer(int(stopped.value.code or 0), captured.out, captured.err)

    return call
