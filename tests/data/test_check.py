from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.data.tiny import document, write_coco
from unified.data.check import check
from unified.data.findings import errors_of
from unified.errors import DataError


def test_a_sound_data_set_is_said_to_be_sound(tmp_path: Path) -> None:
    report = check(write_coco(tmp_path))

    found = [(finding.kind, finding.severity) for finding in report.findings]
    assert report.sound and found == [("id gaps", "note"), ("unlabelled picture", "note")], "true, and no fault"
    (split,) = report.splits
    assert (split.pictures, split.objects, split.crowds, split.without_objects) == (3, 3, 1, 1)
    assert split.classes == {"cat": 1, "dog": 1}
    assert "no errors" in report.text() and "2 notes" in report.text()


def test_every_fault_is_found_not_only_the_first(tmp_path: Path) -> None:
    content = document()
    content["annotations"][0]["bbox"] = [0, 0, 0, 0]
    content["annotations"][1]["category_id"] = 99
    content["annotations"][2]["bbox"] = [-20, 0, 40, 40]
    root = write_coco(tmp_path, content=content)
    pictures = root / "images/train"
    (pictures / "1.png").unlink()
    (pictures / "2.png").write_bytes(b"")
    Image.new("RGB", (10, 10)).save(pictures / "5.png")
    Image.new("RGB", (10, 10)).save(pictures / "spare.png")
    write_coco(tmp_path, "val")

    report = check(root)

    found = {(finding.kind, finding.severity) for finding in report.findings}
    assert found >= {
        ("zero-size box", "error"),
        ("unknown category", "error"),
        ("missing picture", "error"),
        ("empty picture", "error"),
        ("size mismatch", "error"),
        ("box clipped", "note"),
        ("unused categories", "note"),
        ("unlisted pictures", "note"),
    }
    bad = [finding.message for finding in report.findings if finding.where.startswith("images[")]
    assert len(bad) >= 3
    assert any("no such picture" in text for text in bad)
    assert any("empty (0 bytes)" in text for text in bad)
    assert any("10x10" in text and "64x48" in text for text in bad)
    assert [split.split for split in report.splits] == ["train", "val"]
    assert not report.sound and "5 errors: " in report.text()


def test_one_split_can_be_checked_alone(tmp_path: Path) -> None:
    write_coco(tmp_path, "train")
    (write_coco(tmp_path, "val") / "images/val/1.png").unlink()

    assert check(tmp_path, "train").sound
    assert not check(tmp_path, "val").sound


def test_pictures_of_another_split_in_the_same_folder_are_not_called_spare(tmp_path: Path) -> None:
    write_coco(tmp_path, "train")
    (tmp_path / "images/train").rename(tmp_path / "together")
    (tmp_path / "together").rename(tmp_path / "images/all")
    content = document()
    for name, kept in (("train", {1, 2}), ("val", {5})):
        images = [
            entry | {"file_name": f"all/{entry['file_name']}"} for entry in content["images"] if entry["id"] in kept
        ]
        objects = content["annotations"] if name == "train" else [content["annotations"][0] | {"image_id": 5}]
        part = content | {"images": images, "annotations": objects}
        (tmp_path / f"annotations/instances_{name}.json").write_text(json.dumps(part))

    assert not [finding for finding in check(tmp_path).findings if finding.kind == "unlisted pictures"]


def test_annotations_that_cannot_be_read_do_not_stop_the_check(tmp_path: Path) -> None:
    (write_coco(tmp_path, "train") / "annotations/instances_train.json").write_text("{")
    write_coco(tmp_path, "val")

    report = check(tmp_path)

    (fault,) = errors_of(report.findings)
    assert (fault.kind, Path(fault.file).name) == ("unusable annotations", "instances_train.json")
    assert [split.pictures for split in report.splits] == [0, 3]


def test_no_labels_at_all_is_an_error(tmp_path: Path) -> None:
    report = check(write_coco(tmp_path, content=document() | {"annotations": []}))

    assert "no labels" in {finding.kind for finding in report.findings} and not report.sound


def test_the_report_goes_through_json(tmp_path: Path) -> None:
    report = json.loads(json.dumps(check(write_coco(tmp_path)).to_json()))

    assert report["sound"] is True and report["splits"][0]["classes"] == {"cat": 1, "dog": 1}


def test_a_folder_without_a_data_set_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no split 'train'"):
        check(tmp_path)


def test_real_data_sets_are_sound(real_data: Path) -> None:
    for name in ("bccd", "mot-mini", "orl-faces"):
        assert not errors_of(check(real_data / name).findings)


@pytest.mark.slow
def test_real_coco_is_sound(real_data: Path) -> None:
    report = check(real_data / "coco-mini")

    assert report.sound
    assert {finding.kind for finding in report.findings} <= {
        *("narrow box", "thin box", "box covers picture", "duplicate caption", "id gaps", "unused categories"),
        "unlabelled picture",
    }
