from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from unified import registry
from unified.demo import Demo, run_demo
from unified.errors import ConfigError

PICTURES = (16, 4)


def quick_demo(out: Path, epochs: int = 1) -> tuple[Demo, str]:
    printed = StringIO()
    console = Console(file=printed, width=200)
    plot, atlas = registry.analysis("curves").plot_curves, registry.analysis("atlas")

    def look(run: Path, folder: Path) -> Path:
        page: Path = atlas.write_atlas(run, folder, quick=True).page
        return page

    return run_demo(out, epochs=epochs, pictures=PICTURES, console=console, plot=plot, look=look), printed.getvalue()


@pytest.mark.slow
def test_the_demo_makes_everything_and_a_second_call_uses_it_again(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    made, printed = quick_demo(out)
    assert list(made.scores) == ["detection", "classification"]
    assert made.run == out / "run" and "5 of 5" in printed
    for name in (
        "demo.png",
        "curves.png",
        "atlas/report.html",
        "predictions/predictions.jsonl",
        "run/checkpoints/best/manifest.json",
    ):
        assert (out / name).is_file(), name
    trained = (out / "run/checkpoints/best/manifest.json").stat().st_mtime_ns
    again, printed = quick_demo(out)
    assert again.scores == made.scores and "epoch 1/1" not in printed
    assert (out / "run/checkpoints/best/manifest.json").stat().st_mtime_ns == trained
    with pytest.raises(ConfigError, match="other settings"):
        quick_demo(out, epochs=2)
