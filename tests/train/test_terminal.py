"""What one sees of a training."""

from __future__ import annotations

import io

from rich.console import Console

from tests.train.toys import toy_trainer
from unified.train.terminal import PlainLines, ProgressBar, duration, terminal


def watch(console: Console, output: io.StringIO) -> str:
    toy_trainer(None, sinks=[terminal(console, seconds=0.0)]).fit()
    return output.getvalue()


def test_a_pipe_gets_plain_lines() -> None:
    output = io.StringIO()
    seen = watch(Console(file=output, width=80), output)
    lines = seen.splitlines()
    assert "12 updates of 4 pictures" in lines[0]
    step = next(line for line in lines if "batch 2/5" in line)
    for part in ("epoch 1/4", "images/s", "data wait", "ETA 0:00:0", "lr ", "bright/fit "):
        assert part in step
    assert sum("done" in line for line in lines) == 4
    assert any("bright" in line and "score" in line and "undefined –" in line for line in lines)
    assert "\x1b" not in seen


def test_a_terminal_gets_a_bar() -> None:
    output = io.StringIO()
    seen = watch(Console(file=output, width=160, force_terminal=True), output)
    assert "epoch 4/4" in seen and "images/s" in seen and "━" in seen


def test_the_kind_follows_the_console() -> None:
    assert isinstance(terminal(Console(file=io.StringIO())), PlainLines)
    assert isinstance(terminal(Console(file=io.StringIO(), force_terminal=True)), ProgressBar)


def test_durations_read_as_hours() -> None:
    assert [duration(s) for s in (0, 59.6, 3661, -1, 360000)] == [
        "0:00:00",
        "0:01:00",
        "1:01:01",
        "0:00:00",
        "100:00:00",
    ]
