from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from unified import registry


@pytest.fixture
def shapes(cli: Any, tmp_path: Path) -> Path:
    answer = cli("data", "make", "shapes", tmp_path / "shapes", "--train", 6, "--val", 3, "--size", 64, "--workers", 1)
    assert answer.code == 0 and "next: unified train jdc-shapes" in answer.out
    return tmp_path / "shapes"


def test_check_finds_made_data_sound(cli: Any, shapes: Path) -> None:
    answer = cli("data", "check", shapes, "--json")
    report = json.loads(answer.out)
    assert (answer.code, report["sound"]) == (0, True)
    assert {split["split"]: split["pictures"] for split in report["splits"]} == {"train": 6, "val": 3}
    assert "no errors" in cli("data", "check", shapes, "--split", "val").out


def test_check_exits_with_3_when_a_picture_is_broken(cli: Any, shapes: Path) -> None:
    broken = next((shapes / "images" / "val").iterdir())
    broken.write_bytes(b"")
    answer = cli("data", "check", shapes)
    assert answer.code == 3 and broken.name in answer.out
    assert json.loads(cli("data", "check", shapes, "--json").out)["sound"] is False


def test_check_of_nothing_is_3(cli: Any, tmp_path: Path) -> None:
    answer = cli("data", "check", tmp_path / "gone")
    assert answer.code == 3 and answer.out == "" and "gone" in answer.err


@pytest.mark.parametrize("more", [[], ["--config", "jdc-shapes"]])
def test_browse_draws_a_sheet(cli: Any, shapes: Path, tmp_path: Path, more: list[str]) -> None:
    sheet = tmp_path / "sheet.png"
    answer = cli("data", "browse", shapes, "--count", 4, "--out", sheet, *more)
    assert answer.code == 0 and "6 pictures" in answer.out
    with Image.open(sheet) as picture:
        assert min(picture.size) > 100


def test_making_over_something_else_is_3(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    answer = cli("data", "make", "shapes", tmp_path)
    assert answer.code == 3 and (tmp_path / "mine.txt").read_text() == "keep me"


def test_check_writes_a_mended_copy_and_answers_for_it(cli: Any, shapes: Path, tmp_path: Path) -> None:
    broken = next((shapes / "images" / "train").iterdir())
    broken.write_bytes(b"")
    answer = cli("data", "check", shapes, "--fix", tmp_path / "copy", "--json")
    report = json.loads(answer.out)
    assert answer.code == 0 and report["sound"] is False and report["copy"]["sound"] is True
    (change,) = report["changes"]
    assert (change["kind"], change["done"]) == ("empty picture", "picture left out with its labels")
    assert cli("data", "check", tmp_path / "copy").code == 0


@pytest.mark.parametrize("inside", [True, False])
def test_a_copy_is_written_over_nothing(cli: Any, shapes: Path, tmp_path: Path, inside: bool) -> None:
    target = shapes / "copy" if inside else tmp_path
    answer = cli("data", "check", shapes, "--fix", target)
    assert answer.code == 3 and str(target) in answer.err


def test_stats_count_and_draw(cli: Any, shapes: Path, tmp_path: Path) -> None:
    answer = cli("data", "stats", shapes, "--json", "--out", tmp_path / "stats.png")
    splits = {split["split"]: split for split in json.loads(answer.out)["splits"]}
    assert (answer.code, splits["train"]["pictures"], splits["val"]["captions"]) == (0, 6, 15)
    assert (tmp_path / "stats.png").is_file()
    assert "objects per picture" in cli("data", "stats", shapes, "--split", "val").out


def test_stats_are_drawn_by_the_analysis_that_is_installed(
    cli: Any, shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    found = registry.analysis

    def ask(name: str) -> Any:
        asked.append(name)
        return found(name)

    monkeypatch.setattr(registry, "analysis", ask)
    assert cli("data", "stats", shapes, "--out", tmp_path / "stats.png").code == 0
    assert asked == ["dataset"]


@pytest.mark.parametrize("verb", ["stats", "browse"])
@pytest.mark.parametrize("name", ["look.txt", "look", "folder", "folder.png"])
def test_a_picture_that_could_not_be_written_is_refused_before_the_work(
    cli: Any, tmp_path: Path, verb: str, name: str
) -> None:
    for folder in ("folder", "folder.png"):
        (tmp_path / folder).mkdir()
    answer = cli("data", verb, tmp_path / "no data here", "--out", tmp_path / name)
    assert answer.code == 2 and name in answer.err and ".png" in answer.err and len(answer.err.splitlines()) == 1


@pytest.mark.parametrize("verb", ["stats", "browse"])
@pytest.mark.parametrize("ending", [".png", ".JPG", ".webp", ".tif", ".pdf", ".eps"])
def test_pictures_are_written_in_every_format_that_is_allowed(
    cli: Any, shapes: Path, tmp_path: Path, verb: str, ending: str
) -> None:
    out = tmp_path / f"new/folder/look{ending}"
    assert cli("data", verb, shapes, "--split", "train", "--out", out).code == 0
    assert out.stat().st_size


def test_convert_says_what_is_lost_and_the_result_is_sound(cli: Any, shapes: Path, tmp_path: Path) -> None:
    answer = cli("data", "convert", shapes, tmp_path / "yolo", "--to", "yolo", "--pictures", "symlink")
    assert answer.code == 0 and "COCO → yolo" in answer.out and "objects lose their identity" in answer.out
    assert cli("data", "check", tmp_path / "yolo").code == 0
    again = cli("data", "convert", shapes, tmp_path / "yolo", "--to", "yolo")
    assert again.code == 3 and "is there already" in again.err


def test_split_deals_out_one_split(cli: Any, shapes: Path, tmp_path: Path) -> None:
    assert cli("data", "split", shapes, tmp_path / "dealt").code == 2
    answer = cli("data", "split", shapes, tmp_path / "dealt", "--split", "train", "--val", 0.5, "--json")
    found = json.loads(answer.out)
    assert (answer.code, found["format"], sum(found["pictures"].values())) == (0, "coco", 6)
    assert all(found["pictures"].values())
