from __future__ import annotations

from pathlib import Path

import pytest

from unified.errors import DataError
from unified.track import Sighting, Tracks, read_mot, to_mot


def test_pixels_count_from_one_in_the_text() -> None:
    tracks = Tracks("a", {7: (Sighting(3, (0.0, 9.5, 10.0, 29.5), 0.25),)})
    assert to_mot(tracks) == "7,3,1.000,10.500,10.000,20.000,0.25,-1,-1,-1\n"


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    frames = {
        2: (Sighting(1, (0, 0, 4, 8), 0.5), Sighting(2, (1, 1, 3, 3), 1.0)),
        5: (Sighting(1, (-2, 0, 4, 8), 0.5),),
    }
    tracks = Tracks("a", frames)
    (tmp_path / "a.txt").write_text(to_mot(tracks))
    assert read_mot(tmp_path / "a.txt", name="a") == tracks


def test_a_box_thinner_than_the_text_tells_is_read_back(tmp_path: Path) -> None:
    frames = {1: (Sighting(1, (5, 5, 5.0002, 9), 0.5), Sighting(2, (5, 5, 9, 5), 0.5))}
    (tmp_path / "a.txt").write_text(to_mot(Tracks("a", frames)))
    read = read_mot(tmp_path / "a.txt")
    assert [seen.box for seen in read.frames[1]] == [pytest.approx((5, 5, 5.001, 9)), pytest.approx((5, 5, 9, 5.001))]


def test_truth_that_is_not_to_be_scored_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "gt.txt").write_text("1,1,1,1,5,5,1,1,0.3\n1, 2, 1, 1, 5, 5, 0, 8, 1\n\n2,2,1,1,5,5,1,1,1,\n")
    truth = read_mot(tmp_path / "gt.txt", truth=True)
    assert {frame: [seen.track for seen in found] for frame, found in truth.frames.items()} == {1: [1], 2: [2]}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,1,1,1,5", "5 values; a line is frame,id,x,y,width,height,confidence"),
        ("1,1,1,1,5,5,1,1,1,1,1", "11 values"),
        ("1 1 1 1 5 5", "1 values"),
        ("1,one,1,1,5,5", "'one' is no number"),
        ("1,1,nan,1,5,5", "nan is not finite"),
        ("1.5,1,1,1,5,5", "frame is 1.5; allowed: whole numbers, 0 or more"),
        ("1,-1,1,1,5,5", r"id is -1; .* \(a file of detections has id -1: it holds no tracks\)"),
        ("1,2,1,1,0,5", "width and height are 0 and 5; allowed: above 0"),
        ("1,1,2,2,5,5", "id 1 is in frame 1 twice"),
    ],
)
def test_a_wrong_line_is_told_with_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "gt.txt").write_text(f"1,1,1,1,5,5\n{line}\n")
    with pytest.raises(DataError, match=rf"gt\.txt:2: {message}"):
        read_mot(tmp_path / "gt.txt")


def test_files_that_are_not_there_or_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "gt.bin").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not text"):
        read_mot(tmp_path / "gt.bin")
    with pytest.raises(DataError, match=r"no such file of tracks. Did you mean .*gt\.bin"):
        read_mot(tmp_path / "gt.bim")
