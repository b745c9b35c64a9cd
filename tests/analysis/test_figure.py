from __future__ import annotations

from pathlib import Path

from analysis.figure import drawn, on_screen


def _draw(path: Path) -> set[str]:
    with drawn(path, 2, 1) as figure:
        figure.subplots().plot([0, 1])
    return {found.name for found in path.parent.iterdir()}


def test_a_figure_is_there_as_picture_and_for_print(tmp_path: Path) -> None:
    assert _draw(tmp_path / "both" / "a.png") == {"a.png", "a.pdf"}


def test_on_screen_it_is_a_picture_alone_and_afterwards_all_is_as_before(tmp_path: Path) -> None:
    with on_screen():
        assert _draw(tmp_path / "one" / "a.png") == {"a.png"}
    assert _draw(tmp_path / "both" / "a.png") == {"a.png", "a.pdf"}


def test_a_name_may_have_signs_of_formulas(tmp_path: Path) -> None:
    with drawn(tmp_path / "plot.png", 2, 1) as figure:
        figure.subplots().set_title(r"a $\frac{$ class, another $a_{b$")
    assert (tmp_path / "plot.png").is_file()
