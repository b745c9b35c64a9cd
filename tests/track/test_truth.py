from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from unified.errors import DataError
from unified.track import Stills, Tracks, coco_truth, mot_truth, read_coco_tracks

PICTURE = Image.new("RGB", (8, 6))


def stills(first: int, last: int, name: str = "walk") -> Stills:
    return Stills(name, dict.fromkeys(range(first, last + 1), PICTURE))


def coco(**changed: Any) -> dict[str, Any]:
    """Two frames of `walk`, one of `run`; person 1 is in all of walk, a crowd in its second."""
    image = {"width": 8, "height": 6}
    data = {
        "categories": [{"id": 3, "name": "person"}, {"id": 5, "name": "dog"}],
        "images": [
            image | {"id": 1, "file_name": "a.jpg", "video": "walk", "frame_id": 1},
            image | {"id": 2, "file_name": "b.jpg", "video": "walk", "frame_id": 3},
            image | {"id": 3, "file_name": "c.jpg", "video": "run", "frame_id": 1},
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 3, "bbox": [1, 1, 2, 3], "track_id": 1},
            {"id": 2, "image_id": 2, "category_id": 3, "bbox": [2, 1, 2, 3], "identity": 1, "track_id": None},
            {"id": 3, "image_id": 2, "category_id": 3, "bbox": [0, 0, 8, 6], "iscrowd": 1},
        ],
    }
    return data | changed


def write(folder: Path, data: Any) -> Path:
    path = folder / "truth.json"
    path.write_text(json.dumps(data))
    return path


def test_videos_come_apart_with_their_empty_frames_and_without_crowds(tmp_path: Path) -> None:
    videos = read_coco_tracks(write(tmp_path, coco()))
    assert videos["run"] == Tracks("run", {1: ()}, ("person", "dog"))
    walk = videos["walk"]
    assert list(walk.frames) == [1, 3] and walk.boxes == 2
    (seen,) = walk.frames[3]
    assert (seen.track, seen.box, seen.name) == (1, (2, 1, 4, 4), "person")


def test_frames_that_coco_does_not_list_are_not_scored(tmp_path: Path) -> None:
    path = write(tmp_path, coco())
    videos = read_coco_tracks(path)
    assert list(coco_truth(path, videos, stills(1, 9), [1, 2, 3, 4]).frames) == [1, 3]
    assert list(coco_truth(path, videos, stills(1, 9), [2, 3]).frames) == [3]
    with pytest.raises(DataError, match=r"none of the tracked frames of walk is annotated; frames 1, 3 are"):
        coco_truth(path, videos, stills(1, 9), [2])


def test_truth_of_other_frames_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, coco())
    with pytest.raises(DataError, match="is about other frames: walk has frames 1, 2, and not frame 3"):
        coco_truth(path, read_coco_tracks(path), stills(1, 2), [1, 2])
    with pytest.raises(DataError, match="no picture has the video 'wakl'; did you mean 'walk'"):
        coco_truth(path, read_coco_tracks(path), stills(1, 2, "wakl"), [1, 2])
    (tmp_path / "gt.txt").write_text("".join(f"{n},1,1,1,5,5,1,1,1\n" for n in range(47, 55)))
    with pytest.raises(DataError, match=r"walk has frames 1, 2, 3, 4, 5, … 9, and not frames 47, 48, 49, 50, 51, … 54"):
        mot_truth(tmp_path / "gt.txt", stills(1, 9), range(1, 10))


def test_mot_frames_without_lines_are_empty_and_those_beyond_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "gt.txt"
    path.write_text("3,1,1,1,5,5,1,1,1\n6,1,1,1,5,5,1,1,1\n")
    with caplog.at_level(logging.WARNING):
        assert [len(seen) for seen in mot_truth(path, stills(1, 9), range(3, 7)).frames.values()] == [1, 0, 0, 1]
        assert not caplog.text
        assert len(mot_truth(path, stills(1, 9), range(1, 10)).frames) == 9
    assert "5 other frames of walk count as frames without objects" in caplog.text and "--frames 3:6" in caplog.text


def test_an_empty_truth_is_told(tmp_path: Path) -> None:
    (tmp_path / "gt.txt").write_text("")
    with pytest.raises(DataError, match="not one box to score against"):
        mot_truth(tmp_path / "gt.txt", stills(1, 2), [1, 2])


@pytest.mark.parametrize(
    ("key", "entry", "message"),
    [
        ("images", {"id": 9, "file_name": "a.jpg"}, r"images\[0\]: has no 'video'"),
        (
            "images",
            {"id": 9, "video": "walk", "frame_id": 1.5},
            r"images\[0\]: frame_id is 1.5; allowed: a whole number",
        ),
        (
            "annotations",
            {"image_id": 1, "category_id": 3, "bbox": [1, 1, 2, 3]},
            r"annotations\[0\]: has no 'track_id'",
        ),
        ("annotations", {"image_id": 8, "category_id": 3}, r"image_id 8 is not in the file"),
        ("annotations", {"image_id": 1, "category_id": 4}, r"category_id 4 is not in the file"),
        ("annotations", {"image_id": 1, "category_id": 3, "track_id": -1}, r"track_id is -1: an unknown object"),
        (
            "annotations",
            {"image_id": 1, "category_id": 3, "track_id": 1, "bbox": [1, 1, 0, 3]},
            "width and height above",
        ),
        ("annotations", 7, r"annotations\[0\] is 7; allowed: an object"),
    ],
)
def test_a_wrong_entry_is_told_with_its_place(tmp_path: Path, key: str, entry: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_coco_tracks(write(tmp_path, coco(**{key: [entry]})))


def test_an_object_twice_in_a_frame_and_a_frame_twice_are_told(tmp_path: Path) -> None:
    data = coco()
    with pytest.raises(DataError, match=r"annotations\[1\]: track_id 1 is in frame 1 of walk twice"):
        read_coco_tracks(write(tmp_path, data | {"annotations": data["annotations"][:1] * 2}))
    with pytest.raises(DataError, match="frame 1 of video 'walk' is listed twice"):
        read_coco_tracks(write(tmp_path, data | {"images": data["images"][:1] * 2}))
