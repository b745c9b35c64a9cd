from __future__ import annotations

import contextlib
import io
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pycocotools.coco import COCO

from unified.data.shapes import make_shapes
from unified.data.shapes.vocabulary import CATEGORY_IDS
from unified.errors import ConfigError, DataError

TINY: dict[str, Any] = {"train": 6, "val": 3, "size": 64}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shapes") / "set"
    make_shapes(folder, **TINY)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read(folder: Path, name: str) -> dict[str, Any]:
    return dict(json.loads((folder / "annotations" / f"{name}.json").read_text("utf-8")))


def test_the_folder_holds_what_its_readme_says(root: Path) -> None:
    names = set(contents(root))
    pictures = {f"images/train/{n:06d}.jpg" for n in range(1, 7)} | {f"images/val/{n:06d}.jpg" for n in range(1, 4)}
    notes = {f"annotations/{kind}_{split}.json" for kind in ("instances", "captions") for split in ("train", "val")}
    assert names == pictures | notes | {"README.md", "preview.png", "shapes.json"}
    command = re.search(r"unified data make shapes DIR (.*)", (root / "README.md").read_text("utf-8"))
    assert command
    assert command[1] == "--train 6 --val 3 --size 64 --seed 0 --identities 240"


@pytest.mark.parametrize("workers", [1, 2])
def test_the_same_parameters_give_the_same_bytes_whoever_draws(root: Path, tmp_path: Path, workers: int) -> None:
    make_shapes(tmp_path / "again", **TINY, workers=workers)
    assert contents(tmp_path / "again") == contents(root)


def test_another_seed_gives_other_pictures_and_annotations(root: Path, tmp_path: Path) -> None:
    make_shapes(tmp_path, **TINY, seed=1)
    here, there = contents(root), contents(tmp_path)
    for name in ("images/train/000001.jpg", "annotations/instances_train.json", "annotations/captions_val.json"):
        assert here[name] != there[name]


@pytest.mark.parametrize("split", ["train", "val"])
def test_pycocotools_reads_boxes_and_captions(root: Path, split: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        instances = COCO(root / "annotations" / f"instances_{split}.json")
        captions = COCO(root / "annotations" / f"captions_{split}.json")
    assert instances.getImgIds() == captions.getImgIds() == list(range(1, TINY[split] + 1))
    assert {c["name"]: c["id"] for c in instances.loadCats(instances.getCatIds())} == CATEGORY_IDS
    for image in instances.loadImgs(instances.getImgIds()):
        with Image.open(root / "images" / split / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"]) == (64, 64)
        assert len(captions.getAnnIds(image["id"])) == 5
        for annotation in instances.loadAnns(instances.getAnnIds(image["id"])):
            x, y, w, h = annotation["bbox"]
            assert 0 <= x < x + w <= 64
            assert 0 <= y < y + h <= 64
            assert 0 < annotation["area"] <= w * h
            assert annotation["iscrowd"] == 0


def test_category_ids_have_gaps() -> None:
    assert max(CATEGORY_IDS.values()) > len(CATEGORY_IDS) == len(set(CATEGORY_IDS.values()))


@pytest.mark.parametrize("split", ["train", "val"])
def test_identities_recur_and_each_is_of_the_split_that_info_says(root: Path, split: str) -> None:
    instances = read(root, f"instances_{split}")
    info = instances["info"]
    images = defaultdict(set)
    categories = defaultdict(set)
    for annotation in instances["annotations"]:
        images[annotation["identity"]].add(annotation["image_id"])
        categories[annotation["identity"]].add(annotation["category_id"])
    allowed = {"train": info["train_identities"], "val": info["seen_identities"] + info["unseen_identities"]}
    assert set(images) == set(allowed[split])
    assert min(len(found) for found in images.values()) >= 2
    named = {identity["id"]: CATEGORY_IDS[identity["category"]] for identity in info["identities"]}
    assert all(found == {named[number]} for number, found in categories.items())
    assert not set(info["train_identities"]) & set(info["unseen_identities"])


@pytest.mark.parametrize("split", ["train", "val"])
def test_some_images_have_no_object(root: Path, split: str) -> None:
    instances = read(root, f"instances_{split}")
    assert {a["image_id"] for a in instances["annotations"]} < {image["id"] for image in instances["images"]}


def test_of_several_sizes_pictures_take_both_sides(tmp_path: Path) -> None:
    make_shapes(tmp_path, train=12, val=1, size=[48, 64, 80])
    sizes = {(image["width"], image["height"]) for image in read(tmp_path, "instances_train")["images"]}
    assert {side for size in sizes for side in size} == {48, 64, 80}
    assert any(width != height for width, height in sizes)


def test_progress_is_told_after_each_picture(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    make_shapes(tmp_path, train=2, val=1, size=32, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_complete_set_is_left_alone(root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    make_shapes(root, **TINY)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


class KilledError(Exception):
    pass


def test_an_interrupted_run_is_known_as_such_and_done_again(root: Path, tmp_path: Path) -> None:
    def kill(done: int, total: int) -> None:
        if done == 4:
            raise KilledError

    with pytest.raises(KilledError):
        make_shapes(tmp_path, **TINY, progress=kill)
    assert json.loads((tmp_path / "shapes.json").read_text("utf-8"))["complete"] is False
    make_shapes(tmp_path, **TINY)
    assert contents(tmp_path) == contents(root)


def test_a_complete_set_that_lost_a_file_is_made_whole(root: Path, tmp_path: Path) -> None:
    make_shapes(tmp_path, **TINY)
    (tmp_path / "images" / "val" / "000002.jpg").unlink()
    make_shapes(tmp_path, **TINY)
    assert contents(tmp_path) == contents(root)


@pytest.mark.parametrize("name", ["notes.txt", "shapes.json"])
def test_a_folder_of_something_else_is_not_written_into(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}", "utf-8")
    with pytest.raises(DataError, match="not empty and was not made by"):
        make_shapes(tmp_path, **TINY)
    assert contents(tmp_path) == {name: b"{}"}


def test_a_set_of_other_parameters_is_not_overwritten(tmp_path: Path) -> None:
    make_shapes(tmp_path, train=2, val=1, size=32)
    before = contents(tmp_path)
    with pytest.raises(DataError, match="other parameters") as error:
        make_shapes(tmp_path, train=2, val=1, size=32, seed=9)
    assert '"seed": 0' in str(error.value)
    assert '"seed": 9' in str(error.value)
    assert contents(tmp_path) == before


def test_a_manifest_from_before_identities_could_be_asked_for_means_as_many_as_then(tmp_path: Path) -> None:
    make_shapes(tmp_path, train=2, val=1, size=32)
    manifest = json.loads((tmp_path / "shapes.json").read_text("utf-8"))
    assert manifest["parameters"].pop("identities") == 240
    (tmp_path / "shapes.json").write_text(json.dumps(manifest), "utf-8")
    before = contents(tmp_path)
    make_shapes(tmp_path, train=2, val=1, size=32)
    assert contents(tmp_path) == before
    with pytest.raises(DataError, match="other parameters"):
        make_shapes(tmp_path, train=2, val=1, size=32, identities=9)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "set").write_text("", "utf-8")
    with pytest.raises(DataError, match="is a file"):
        make_shapes(tmp_path / "set", **TINY)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"train": 0}, "train = 0"),
        ({"val": 0}, "val = 0"),
        ({"size": 8}, r"size = \[8\]"),
        ({"size": []}, r"size = \[\]"),
        ({"seed": -1}, "seed = -1"),
        ({"identities": 0}, "identities = 0, but there are 1 to 2000"),
        ({"identities": 9999}, "identities = 9999"),
        ({"workers": 0}, "workers = 0"),
    ],
)
def test_a_parameter_out_of_range_is_refused_before_anything_is_written(
    tmp_path: Path, wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        make_shapes(tmp_path / "set", **{**TINY, **wrong})
    assert not (tmp_path / "set").exists()
