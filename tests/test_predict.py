from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.tiny import TinyRun
from unified.errors import DataError
from unified.predict import Picture, Predictor, find_pictures, load, predict_files

LOW = 0.0  # an untrained model says little above it


@pytest.fixture(scope="module")
def predictor(tiny_run: TinyRun) -> Predictor:
    return load(tiny_run.path, device="cpu", precision="float32")


@pytest.fixture(scope="module")
def pixels() -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(0, 256, (50, 80, 3), dtype=np.uint8)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def write_picture(path: Path, size: tuple[int, int] = (40, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise(size, 80).convert("RGB").save(path)
    return path


# Finding


def test_files_folders_and_globs_are_found_each_once_sorted_within_a_source(tmp_path: Path) -> None:
    b, a, deep = (write_picture(tmp_path / name) for name in ("b.png", "a.JPG", "sub/c.png"))
    (tmp_path / "notes.txt").write_text("no picture")
    assert find_pictures([tmp_path]) == [a, b, deep]
    assert find_pictures([str(b), tmp_path]) == [b, a, deep]
    assert find_pictures([str(tmp_path / "*.png")]) == [b]
    assert find_pictures([str(tmp_path / "**/*.png")]) == [b, deep]
    assert find_pictures([tmp_path / "notes.txt"]) == [tmp_path / "notes.txt"]  # named by itself: opening it tells


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_linked_folders_are_searched_once_and_links_up_or_round_are_not_followed(tmp_path: Path) -> None:
    inside, outside = write_picture(tmp_path / "in" / "a.png"), write_picture(tmp_path / "out" / "b.png")
    write_picture(tmp_path / "in" / "._a.png")  # macOS leaves such beside files on other disks
    (tmp_path / "in" / "linked").symlink_to(outside.parent)
    (tmp_path / "in" / "up").symlink_to(tmp_path)
    (tmp_path / "in" / "again").symlink_to(outside.parent)
    (tmp_path / "in" / "top").symlink_to("/")
    (tmp_path / "in" / "lost.png").symlink_to("nowhere.png")
    for name in ("one", "other"):
        (tmp_path / "in" / name).mkdir()
        (tmp_path / "in" / name / "next").symlink_to(tmp_path / "in" / ("other" if name == "one" else "one"))
    assert find_pictures([tmp_path / "in"]) == [inside, tmp_path / "in" / "again" / "b.png"], "each once"


def test_a_file_name_may_look_like_a_glob(tmp_path: Path) -> None:
    path = write_picture(tmp_path / "shot [1].png")
    assert find_pictures([str(path)]) == [path]


@pytest.mark.parametrize(
    ("source", "message"),
    [("gone.jpg", "is no file, folder or glob"), ("*.jpg", "is no file, folder or glob"), ("", "holds no pictures")],
)
def test_a_source_without_pictures_is_an_error(source: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        find_pictures([str(tmp_path / source)])


# Files


def test_files_are_annotated_and_listed(predictor: Predictor, tmp_path: Path) -> None:
    first, second = write_picture(tmp_path / "in/000000007.png"), write_picture(tmp_path / "in/street.png", (30, 60))
    done: list[tuple[int, int]] = []
    out = tmp_path / "out"
    found = list(predict_files(predictor, [first, second], out=out, score=LOW, progress=lambda *at: done.append(at)))
    assert [(p.source, p.image_id, p.size) for p in found] == [
        (str(first), 7, (40, 30)),
        (str(second), "street", (30, 60)),
    ]
    assert {path.name for path in (out / "pictures").iterdir()} == {"000000007.jpg", "street.jpg"}
    lines = [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]
    assert lines == [json.loads(json.dumps(p.to_json())) for p in found]
    assert lines[1]["width"] == 30 and {"detection", "classification"} <= lines[1].keys()
    results = json.loads((out / "coco_results.json").read_text())
    assert {entry["image_id"] for entry in results} <= {7, "street"}
    assert len(results) == sum(len(p.scores) for p in found)
    assert done == [(2, 2)]


def test_a_broken_picture_does_not_cost_the_others(predictor: Predictor, tmp_path: Path) -> None:
    good = [write_picture(tmp_path / f"in/{name}.png") for name in "ac"]
    (tmp_path / "in/b.png").write_bytes(b"")
    (tmp_path / "in/d.png").write_bytes(good[0].read_bytes()[:99])
    out = tmp_path / "out"
    predictions = predict_files(predictor, [tmp_path / "in"], out=out, batch=2)
    assert [next(predictions).source for _ in good] == [str(path) for path in good]
    with pytest.raises(DataError, match=r"2 of 4 pictures could not be read, the others(?s:.*)b\.png(?s:.*)d\.png"):
        next(predictions)
    assert sorted(path.name for path in (out / "pictures").iterdir()) == ["a.jpg", "c.jpg"]
    assert len((out / "predictions.jsonl").read_text().splitlines()) == 2
    json.loads((out / "coco_results.json").read_text())


def test_pictures_of_one_name_are_all_kept(predictor: Predictor, tmp_path: Path) -> None:
    for name in ("a/x.png", "b/x.png", "b/x.jpg", "x-1.png", "y.png"):
        write_picture(tmp_path / "in" / name)
    list(predict_files(predictor, [tmp_path / "in"], out=tmp_path / "out"))
    names = sorted(path.stem for path in (tmp_path / "out/pictures").iterdir())
    assert names == ["x-1", "x-2", "x-3", "x-4", "y"]


def test_pictures_that_would_share_an_id_have_their_paths_instead(predictor: Predictor, tmp_path: Path) -> None:
    paths = [write_picture(tmp_path / name) for name in ("a/001.png", "b/1.png", "2.png")]
    assert [found.image_id for found in predict_files(predictor, paths)] == [*(p.as_posix() for p in paths[:2]), 2]


def test_no_picture_is_written_over(predictor: Predictor, tmp_path: Path) -> None:
    path = tmp_path / "pictures" / "a.jpg"
    path.parent.mkdir()
    Image.new("RGB", (40, 30), "red").save(path)
    before = path.read_bytes()
    with pytest.raises(DataError, match=r"a\.jpg is to be read and to be written: give --out another folder"):
        next(predict_files(predictor, [path], out=tmp_path))
    other = write_picture(tmp_path / "elsewhere" / "a.png")
    with pytest.raises(DataError, match="holds files that no earlier prediction wrote"):
        next(predict_files(predictor, [other], out=tmp_path))
    assert path.read_bytes() == before and not (tmp_path / "predictions.jsonl").exists()
    for _ in range(2):
        list(predict_files(predictor, [other], out=tmp_path / "out"))
    with pytest.raises(DataError, match=r"a\.png is a file, or has one in it"):
        next(predict_files(predictor, [other], out=other))


def test_a_picture_that_lies_on_its_side_is_turned_once(predictor: Predictor, tmp_path: Path) -> None:
    exif, path = Image.Exif(), tmp_path / "a.jpg"
    exif[0x0112] = 6
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)).save(path, exif=exif)
    alone, (listed,) = predictor.predict(path, score=LOW), predict_files(predictor, [path], score=LOW)
    assert alone.size == listed.size == (30, 40) and alone.boxes.equal(listed.boxes)


def test_nothing_is_written_unless_asked(predictor: Predictor, tmp_path: Path) -> None:
    path = write_picture(tmp_path / "a.png")
    assert len(list(predict_files(predictor, [path]))) == 1
    assert list(tmp_path.iterdir()) == [path]


# Single pictures


def test_a_picture_gives_the_same_result_however_it_is_handed_over(
    predictor: Predictor, pixels: np.ndarray[Any, Any], tmp_path: Path
) -> None:
    image = Image.fromarray(pixels)
    path = tmp_path / "a.png"
    path.write_bytes(encoded(image))
    kinds: list[Picture] = [path, str(path), encoded(image), image, image.convert("RGBA"), pixels]
    first, *others = [predictor.predict(kind, score=LOW) for kind in kinds]
    assert all(other.results == first.results for other in others)
    assert len(first.boxes) and first.size == (80, 50)
    assert (first.source, others[-1].source) == (str(path), "")


def test_several_pictures_are_answered_in_order(predictor: Predictor, pixels: np.ndarray[Any, Any]) -> None:
    found = predictor.predict_many([pixels, pixels[:20]])
    assert [p.size for p in found] == [(80, 50), (80, 20)]
    assert predictor.predict_many([]) == []


EXIF = Image.Exif()
EXIF[0x0112] = 6  # to be turned by a quarter
UNUSUAL = {
    "1x1": (encoded(Image.new("RGB", (1, 1))), (1, 1)),
    "1 pixel high": (encoded(Image.new("RGB", (500, 1))), (500, 1)),
    "CMYK": (encoded(Image.new("CMYK", (30, 20), (9, 80, 200, 5)), "JPEG"), (30, 20)),
    "16 bit": (encoded(Image.fromarray(np.full((20, 30), 40000, np.uint16))), (30, 20)),
    "EXIF-rotated": (encoded(Image.effect_noise((30, 20), 80), "JPEG", exif=EXIF), (20, 30)),
    "palette": (encoded(Image.effect_noise((30, 20), 80).convert("P")), (30, 20)),
}


@pytest.mark.parametrize("kind", UNUSUAL)
def test_unusual_pictures_are_answered_in_their_own_upright_pixels(kind: str, predictor: Predictor) -> None:
    data, (width, height) = UNUSUAL[kind]
    found = predictor.predict(data, score=LOW)
    assert found.size == (width, height)
    assert (found.boxes >= 0).all()
    assert (found.boxes[:, 0::2] <= width).all() and (found.boxes[:, 1::2] <= height).all()
    opened = predictor.predict(Image.open(io.BytesIO(data)), score=LOW)
    assert opened.size == found.size and opened.results == found.results


@pytest.mark.parametrize(
    "array", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)], ids=str
)
def test_an_array_of_another_kind_is_an_error(array: np.ndarray[Any, Any], predictor: Predictor) -> None:
    with pytest.raises(DataError, match=r"\(height, width, 3\) uint8"):
        predictor.predict(array)


@pytest.mark.parametrize("data", [b"", b"GIF89a....", encoded(Image.new("RGB", (40, 40)))[:60]], ids=len)
def test_bytes_that_are_no_picture_are_an_error(data: bytes, predictor: Predictor) -> None:
    with pytest.raises(DataError, match="bytes>"):
        predictor.predict(data)


def test_results_below_the_score_are_left_out(predictor: Predictor, pixels: np.ndarray[Any, Any]) -> None:
    every = predictor.predict(pixels, score=LOW)
    bound = float(every.scores.median())
    assert (predictor.predict(pixels, score=bound).scores >= bound).all()


# Describing


@pytest.fixture(scope="module")
def describer(tiny_jde: TinyRun) -> Predictor:
    return load(tiny_jde.path, device="cpu", precision="float32")


def test_given_boxes_are_described_as_found_ones_are(describer: Predictor, pixels: np.ndarray[Any, Any]) -> None:
    found = describer.predict(pixels, score=LOW)
    described = describer.describe(pixels, found.boxes.flip(0))
    torch.testing.assert_close(described.vectors.flip(0), found.vectors)
    torch.testing.assert_close(described.image_vector, found.image_vector)
    assert len(found.boxes) > 1 and described.size == found.size


def test_what_finds_boxes_has_no_say_about_given_ones(describer: Predictor, pixels: np.ndarray[Any, Any]) -> None:
    described = describer.describe(pixels, torch.zeros(0, 4))
    assert list(described.results) == ["embedding"] and len(described.vectors) == 0
    assert list(describer.predict(pixels).results) == ["detection", "embedding"]


@pytest.mark.parametrize(
    "box", [[-1, 0, 9, 9], [0, 0, 80.1, 9], [0, 0, 9, 50.1], [9, 9, 9, 12], [0, float("nan"), 9, 9]]
)
def test_a_box_that_is_not_in_the_picture_is_an_error(
    box: list[float], describer: Predictor, pixels: np.ndarray[Any, Any]
) -> None:
    describer.describe(pixels, torch.tensor([[0.0, 0.0, 80.0, 50.0]]))
    with pytest.raises(DataError, match="does not lie within the picture of 80x50 pixels"):
        describer.describe(pixels, torch.tensor([box]))


def test_a_list_is_no_picture(tiny_run: TinyRun) -> None:
    with pytest.raises(DataError, match="got list; several at once: predict_many"):
        load(tiny_run.path).predict([])  # type: ignore[arg-type]


def test_boxes_of_another_shape_are_an_error(describer: Predictor, pixels: np.ndarray[Any, Any]) -> None:
    for boxes in (torch.zeros(4), torch.zeros(2, 5)):
        with pytest.raises(DataError, match=r"boxes are \(N, 4\)"):
            describer.describe(pixels, boxes)


def test_results_are_tensors_like_any_other(predictor: Predictor, pixels: np.ndarray[Any, Any]) -> None:
    found = predictor.predict(pixels, score=LOW)
    before = found.boxes.clone()
    found.boxes.add_(1)
    assert found.boxes.equal(before + 1)


def test_several_pictures_may_come_from_a_generator_and_one_is_not_several(
    predictor: Predictor, pixels: np.ndarray[Any, Any]
) -> None:
    assert len(predictor.predict_many(each for each in (pixels, pixels))) == 2
    with pytest.raises(DataError, match=r"takes several pictures, got 'a\.jpg'; for one: predict"):
        predictor.predict_many("a.jpg")
