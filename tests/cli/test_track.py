from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tiny import TinyRun
from tests.track.toys import Toy, box_at, prediction, write_frames
from unified import predict
from unified.data.sample import Taxonomy


class ToyModel(Toy):
    taxonomy = Taxonomy(("person", "dog"), (1, 2))


@pytest.fixture
def walks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two sequences of six frames in which one person walks, and a model that finds it in all of them."""
    found = [prediction([box_at((20 + 2 * t, 24))]) for t in range(6)] * 2
    monkeypatch.setattr(predict, "load", lambda *words, **options: ToyModel(found))
    return [write_frames(tmp_path / name, 6) for name in ("a", "b")]


def write_truth(path: Path, frames: range = range(6)) -> Path:
    path.write_text("".join(f"{t + 1},5,{11 + 2 * t},5,20,40,1,1,1\n" for t in frames))
    return path


def test_two_sequences_are_tracked_and_scored_together(cli: Any, walks: list[Path], tmp_path: Path) -> None:
    out, truth = tmp_path / "out", write_truth(tmp_path / "gt.txt")
    words = ["track", "run", *walks, "--out", out, "--truth", truth, "--truth", truth]
    told = json.loads(cli(*words, "--json").out)
    assert told["sequences"] == [
        {"sequence": name, "frames": 6, "tracks": 1, "boxes": 6, "out": str(out / name)} for name in ("a", "b")
    ]
    assert told["scores"]["HOTA"] == told["scores"]["MOTA"] == told["scores"]["IDF1"] == 1
    assert [row["sequence"] for row in told["per_sequence"]] == ["a", "b"]
    assert (out / "b" / "tracks.txt").read_text().startswith("1,1,11.000,5.000,20.000,40.000,0.9,-1,-1,-1\n")
    text = cli(*words).out
    assert "HOTA" in text and "1.0000" in text and "per sequence" in text


def test_frames_stride_and_category_choose(cli: Any, walks: list[Path], tmp_path: Path) -> None:
    words = ["track", "run", walks[0], "--out", tmp_path / "out", "--json"]
    told = json.loads(cli(*words, "--frames", "2:6", "--stride", 2).out)["sequences"]
    assert (told[0]["frames"], told[0]["out"]) == (3, str(tmp_path / "out"))
    assert json.loads(cli(*words, "--category", "dog").out)["sequences"][0]["tracks"] == 0
    assert sorted(path.name for path in (tmp_path / "out" / "frames").iterdir())[0] == "000001.jpg"


def test_truth_in_coco_format_scores_the_frames_that_it_lists(cli: Any, walks: list[Path], tmp_path: Path) -> None:
    image = {"id": 1, "file_name": "a/000003.png", "video": "a", "frame_id": 3}
    box = {"image_id": 1, "category_id": 1, "bbox": [14, 4, 20, 40], "track_id": 9}
    data = {"images": [image], "annotations": [box], "categories": [{"id": 1, "name": "person"}]}
    (tmp_path / "truth.json").write_text(json.dumps(data))
    answer = cli(
        "track", "run", walks[0], "--out", tmp_path / "o", "--truth-annotations", tmp_path / "truth.json", "--json"
    )
    assert json.loads(answer.out)["scores"]["MOTA"] == 1


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--category", "persn"], 2, "no category 'persn'; did you mean 'person'"),
        (["--frames", "1-3"], 2, "'1-3' is no range of frames"),
        (["--score", "0.05"], 2, "low_score is 0.1; allowed: at most score"),
        (["--truth", "gone.txt"], 3, "gone.txt: no such file of tracks"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_made(
    cli: Any, walks: list[Path], tmp_path: Path, words: list[str], code: int, message: str
) -> None:
    answer = cli("track", "run", walks[0], "--out", tmp_path / "out", *words)
    assert answer.code == code and message in answer.err
    assert not (tmp_path / "out").exists()


def test_truth_of_other_frames_is_told_before_the_work(cli: Any, walks: list[Path], tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "gt.txt", range(40, 50))
    answer = cli("track", "run", walks[0], "--out", tmp_path / "out", "--truth", truth)
    assert answer.code == 3 and "about other frames" in answer.err and not (tmp_path / "out").exists()


def test_a_film_that_cannot_be_written_is_told_before_the_model_is_loaded(
    cli: Any, walks: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setattr(predict, "load", None)
    answer = cli("track", "run", walks[0], "--out", tmp_path / "out", "--film", "mp4")
    assert answer.code == 1 and "av (PyAV), which reads and writes videos, is not installed" in answer.err
    assert not (tmp_path / "out").exists()


def test_a_trained_model_tracks_its_own_pictures(cli: Any, tiny_run: TinyRun, tmp_path: Path) -> None:
    pictures = tiny_run.data / "images" / "val"
    words = ["--out", tmp_path / "out", "--score", "0.01", "--low-score", "0", "--device", "cpu", "--film", "mp4"]
    answer = cli("track", tiny_run.path, pictures, *words, "--json")
    assert answer.code == 0, answer.err
    (told,) = json.loads(answer.out)["sequences"]
    assert told["frames"] == 4 and (tmp_path / "out" / "tracks.mp4").stat().st_size > 0
