from __future__ import annotations

import copy
import json
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.data.tiny import captions, document, draw_pictures, write_json
from unified.data.annotations import Annotations
from unified.data.readers import OnError
from unified.data.readers import read as read_layout
from unified.data.readers.coco_layouts import CocoLayout
from unified.errors import DataError


@pytest.fixture
def images(tmp_path: Path) -> Path:
    draw_pictures(tmp_path / "images", document())
    return tmp_path / "images"


def read_coco(
    instances: Path, images: Path | list[Path], captions: Path | None = None, *, on_error: OnError = "raise"
) -> Annotations:
    folders = (images,) if isinstance(images, Path) else tuple(images)
    return read_layout(CocoLayout("COCO", "train", instances, folders, captions), on_error=on_error)


def read(tmp_path: Path, content: Any, images: Path | list[Path], **options: Any) -> Annotations:
    return read_coco(write_json(tmp_path / "instances.json", content), images, **options)


def spoilt(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    content = document()
    change(content)
    return content


def test_category_ids_with_gaps_become_indices_in_order_of_id(tmp_path: Path, images: Path) -> None:
    found = read(tmp_path, document(), images)

    assert found.taxonomy.categories == ("cat", "dog")
    assert found.taxonomy.category_ids == (3, 7)
    assert found.objects_of(0).categories.tolist() == [1, 0]


def test_boxes_become_corners_and_keep_order_crowd_identity_and_area(tmp_path: Path, images: Path) -> None:
    found = read(tmp_path, document(), images)

    first, second = found.objects_of(0), found.objects_of(1)
    assert first.boxes.tolist() == [[5, 5, 15, 25], [0, 0, 64, 48]]
    assert first.crowd.tolist() == [False, True]
    assert first.identities.tolist() == [4, -1]
    assert first.area.tolist() == [200, 64 * 48]
    assert second.boxes.tolist() == [[1, 2, 31, 42]]
    assert second.area.tolist() == [1000.5]
    assert found.taxonomy.identities == 1


def test_a_picture_without_objects_is_kept(tmp_path: Path, images: Path) -> None:
    found = read(tmp_path, document(), images)

    assert len(found) == 3
    assert found.image_ids == [1, 2, 5]
    assert len(found.objects_of(2)) == 0


def test_image_ids_may_be_strings(tmp_path: Path, images: Path) -> None:
    content = document()
    for entry in content["images"]:
        entry["id"] = f"frame/{entry['id']}"
    for entry in content["annotations"]:
        entry["image_id"] = f"frame/{entry['image_id']}"

    assert read(tmp_path, content, images).image_ids == ["frame/1", "frame/2", "frame/5"]


def test_captions_come_from_their_own_file(tmp_path: Path, images: Path) -> None:
    path = write_json(tmp_path / "captions.json", captions())

    found = read(tmp_path, document(), images, captions=path)

    assert found.captions_of(0) == ("A dog left of a cat.", "two animals")
    assert found.captions_of(1) is None  # not captioned is not the same as nothing to see
    assert found.captions_of(2) == ("Nothing here.",)


def test_a_box_reaching_out_is_clipped_and_noted(tmp_path: Path, images: Path) -> None:
    content = spoilt(lambda d: d["annotations"][0].update(bbox=[-5, 10, 80, 20]))

    found = read(tmp_path, content, images)

    assert found.objects_of(1).boxes.tolist() == [[0, 10, 64, 30]]
    assert [(note.kind, note.where) for note in found.notes] == [("box clipped", "annotations[0] (id 10)")]


def test_a_box_reaching_out_by_rounding_only_is_not_worth_a_note(tmp_path: Path, images: Path) -> None:
    content = spoilt(lambda d: d["annotations"][0].update(bbox=[0, 0, 64.3, 48]))

    found = read(tmp_path, content, images)

    assert found.objects_of(1).boxes.tolist() == [[0, 0, 64, 48]] and not found.notes


FAULTS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "NaN": (
        lambda d: d["annotations"][1].update(bbox=[math.nan, 0, 1, 1]),
        r"bbox is \[NaN, 0, 1, 1\]; allowed: finite",
    ),
    "infinite": (lambda d: d["annotations"][1].update(bbox=[0, 0, math.inf, 1]), "allowed: finite numbers"),
    "huge": (lambda d: d["annotations"][1].update(bbox=[0, 0, 10**400, 1]), "allowed: finite numbers"),
    "negative": (
        lambda d: d["annotations"][1].update(bbox=[9, 9, -3, 4]),
        "bbox is .9, 9, -3, 4.; allowed: width and height above 0",
    ),
    "zero area": (
        lambda d: d["annotations"][1].update(bbox=[9, 9, 3, 0]),
        "bbox is .9, 9, 3, 0.; allowed: width and height above 0",
    ),
    "outside": (lambda d: d["annotations"][1].update(bbox=[64, 9, 3, 3]), "wholly outside its picture of 64x48"),
    "short box": (lambda d: d["annotations"][1].update(bbox=[1, 2, 3]), "allowed: four numbers"),
    "box of text": (lambda d: d["annotations"][1].update(bbox=["1", 2, 3, 4]), "allowed: four numbers"),
    "no box": (lambda d: d["annotations"][1].pop("bbox"), "has no 'bbox'; there is 'id', 'image_id'"),
    "unknown category": (
        lambda d: d["annotations"][1].update(category_id=4),
        "category_id is 4; the file defines 2: 3, 7",
    ),
    "category as text": (
        lambda d: d["annotations"][1].update(category_id="dog"),
        'category_id is "dog"; allowed: a whole',
    ),
    "unknown image": (lambda d: d["annotations"][1].update(image_id=99), "image_id is 99; the file defines 3: 1, 2, 5"),
    "image id of another type": (lambda d: d["annotations"][1].update(image_id="1"), "image_id is '1'"),
    "image id a list": (lambda d: d["annotations"][1].update(image_id=[1]), "allowed: a whole number or a string"),
    "no image id": (lambda d: d["annotations"][1].pop("image_id"), "has no 'image_id'"),
    "duplicate annotation": (lambda d: d["annotations"][1].update(id=10), "annotation id 10 is taken"),
    "crowd as text": (lambda d: d["annotations"][1].update(iscrowd="no"), 'iscrowd is "no"; allowed: 0 or 1'),
    "identity as text": (
        lambda d: d["annotations"][1].update(track_id="p4"),
        'track_id is "p4"; allowed: a whole number',
    ),
    "negative area": (lambda d: d["annotations"][1].update(area=-1), "area is -1; allowed: a finite number, 0 or more"),
    "annotation no object": (lambda d: d["annotations"].insert(1, 17), "is 17; allowed: an object"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_annotation_is_named_with_what_was_got_and_what_is_allowed(
    fault: str, tmp_path: Path, images: Path
) -> None:
    change, says = FAULTS[fault]

    with pytest.raises(DataError, match=rf"(?s)instances\.json.*annotations\[1\].*{says}") as error:
        read(tmp_path, spoilt(change), images)
    assert "1 fault in the data" in str(error.value)
    assert "on_error='drop'" in str(error.value)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_annotation_can_be_dropped_and_is_listed(
    fault: str, tmp_path: Path, images: Path, caplog: pytest.LogCaptureFixture
) -> None:
    change, _ = FAULTS[fault]

    found = read(tmp_path, spoilt(change), images, on_error="drop")

    assert len(found.rows) == 2 or fault == "annotation no object"
    assert len(found) == 3
    assert [note.severity for note in found.notes] == ["error"]
    assert "left out 1 faulty" in caplog.text and found.notes[0].message in caplog.text


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d["images"][1].update(id=1), "image id 1 is taken by an earlier entry"),
        (lambda d: d["images"][1].pop("file_name"), "has no 'file_name'"),
        (lambda d: d["images"][1].update(file_name=" "), "allowed: text that is not blank"),
        (lambda d: d["images"][1].update(file_name="a\0b"), "allowed: text that is not blank"),
        (lambda d: d["images"][1].update(width=0), "width is 0; allowed: 1 or more"),
        (lambda d: d["images"][1].update(width="64"), 'width is "64"; allowed: a whole number'),
        (lambda d: d["images"][1].update(height=48.5), "height is 48.5; allowed: a whole number"),
        (lambda d: d["images"][1].update(width=1e30), "allowed: less than 2"),
        (lambda d: d["images"][1].update(id=True), "id is true; allowed: a whole number or a string"),
        (lambda d: d["categories"][1].update(id=7), "category id 7 is taken"),
        (lambda d: d["categories"][1].pop("name"), "has no 'name'"),
    ],
)
def test_faulty_pictures_and_categories_are_named(
    change: Callable[[dict[str, Any]], object], says: str, tmp_path: Path, images: Path
) -> None:
    with pytest.raises(DataError, match=rf"(?s)(images|categories)\[1\].*{says}"):
        read(tmp_path, spoilt(change), images)


def test_whole_numbers_may_be_written_with_a_point(tmp_path: Path, images: Path) -> None:
    assert read(tmp_path, spoilt(lambda d: d["images"][1].update(width=64.0)), images).size(1) == (64, 48)


def test_all_faults_are_counted_and_the_first_twenty_shown(tmp_path: Path, images: Path) -> None:
    bad = [{"id": i, "image_id": 1, "category_id": 3, "bbox": [0, 0, 0, 1]} for i in range(100, 130)]
    content = spoilt(lambda d: d["annotations"].extend([*bad, {"id": 1, "image_id": 9, "category_id": 9, "bbox": 3}]))

    with pytest.raises(DataError) as error:
        read(tmp_path, content, images)

    message = str(error.value)
    assert message.startswith("33 faults in the data: 30 x zero-size box")
    assert message.count("width and height above 0") == 20
    assert "… and 13 more" in message


def test_two_categories_of_one_name_are_noted(tmp_path: Path, images: Path) -> None:
    found = read(tmp_path, spoilt(lambda d: d["categories"][1].update(name="dog")), images)

    assert [note.kind for note in found.notes] == ["duplicate category name"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"images": [],\n "annotations" []}', "malformed JSON at line 2, column 16"),
        ("", "the file is empty"),
        ("[1, 2]", r"holds \[1, 2\]; a COCO file is an object"),
        ('{"categories": []}', "the list 'images' is missing; there is 'categories'"),
        ('{"categories": {}, "images": []}', "'categories' is {}"),
        ('{"categories": [], "images": [], "annotations": []}', "'images' is empty"),
        ("[" * 100_000, "not a sensible JSON file"),
        ("\udcff\udcfe", "not UTF-8"),
    ],
)
def test_a_file_that_is_not_coco_is_refused(content: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "instances.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))

    with pytest.raises(DataError, match=rf"instances\.json: .*{says}"):
        read_coco(path, tmp_path)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path, images: Path) -> None:
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(document()), encoding="utf-8-sig")

    assert len(read_coco(path, images)) == 3


def test_a_missing_file_names_the_nearest_one(tmp_path: Path, images: Path) -> None:
    write_json(tmp_path / "annotations/instances_train.json", document())

    with pytest.raises(DataError, match=r"no such annotation file\. Did you mean .*instances_train\.json"):
        read_coco(tmp_path / "annotations/instances_trian.json", images)


@pytest.mark.parametrize("on_error", ["raise", "drop"])
def test_no_labels_at_all_is_an_error(on_error: str, tmp_path: Path, images: Path) -> None:
    with pytest.raises(DataError, match="no labels at all: 3 pictures, not one usable box, no captions"):
        read(tmp_path, spoilt(lambda d: d["annotations"].clear()), images, on_error=on_error)


def test_captions_alone_are_labels(tmp_path: Path, images: Path) -> None:
    path = write_json(tmp_path / "captions.json", captions())

    assert len(read(tmp_path, spoilt(lambda d: d["annotations"].clear()), images, captions=path).rows) == 0


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"image_id": 9, "caption": "x"}, "image_id is 9"),
        ({"image_id": 1, "caption": "  "}, "not blank"),
        ({"image_id": 1}, "has no 'caption'"),
    ],
)
def test_faulty_captions_are_named(entry: dict[str, Any], says: str, tmp_path: Path, images: Path) -> None:
    content = captions()
    content["annotations"].append(entry)
    path = write_json(tmp_path / "captions.json", content)

    with pytest.raises(DataError, match=rf"(?s)captions\.json.*annotations\[3\].*{says}"):
        read(tmp_path, document(), images, captions=path)


def test_the_folder_with_most_of_the_pictures_is_taken(tmp_path: Path, images: Path) -> None:
    assert read(tmp_path, document(), [tmp_path / "nowhere", tmp_path, images]).root == images


def test_pictures_that_are_nowhere_are_looked_for_aloud(tmp_path: Path, images: Path) -> None:
    content = spoilt(lambda d: [entry.update(file_name=f"lost/{entry['id']}.png") for entry in d["images"]])

    with pytest.raises(
        DataError, match=r"(?s)pictures are not there.*images/lost/1\.png.*lost/5\.png.*images holds 1\.png"
    ):
        read(tmp_path, content, images)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_anywhere_is_read_or_raises_a_data_error(data: st.DataObject, tmp_path: Path, images: Path) -> None:
    content = copy.deepcopy(document())
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(["images", "categories", "annotations"]))
        entry = data.draw(st.sampled_from(content[name])) if content.get(name) else content
        key = data.draw(st.sampled_from(sorted(entry)))
        entry[key] = data.draw(json_values)
        if not all(isinstance(content.get(k), list) and all(isinstance(e, dict) for e in content[k]) for k in content):
            break
    path = write_json(tmp_path / "instances.json", content)
    try:
        found = read_coco(path, images)
    except DataError:
        return
    assert len(found) == len(content["images"])
    for i in range(len(found)):
        width, height = found.size(i)
        boxes = found.objects_of(i).boxes
        assert (boxes >= 0).all() and (boxes <= [width, height] * 2).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()


def test_objects_are_light_to_hand_to_a_worker(tmp_path: Path, images: Path) -> None:
    entry = {"image_id": 1, "category_id": 3, "bbox": [1, 1, 9, 9]}
    content = spoilt(lambda d: d.update(annotations=[entry | {"id": i} for i in range(5000)]))

    found = read(tmp_path, content, images)

    assert len(found.rows) == 5000
    assert len(pickle.dumps(found)) < 64 * len(found.rows)  # bytes


def test_real_coco_annotations_read_without_a_fault(real_data: Path) -> None:
    folder = real_data / "coco-mini"
    found = read_coco(
        folder / "annotations/instances_train.json",
        folder / "images/train",
        folder / "annotations/captions_train.json",
    )

    assert (len(found), len(found.rows), int(found.rows.crowd.sum())) == (700, 6923, 95)
    assert len(found.taxonomy) == 80 and found.taxonomy.category_ids[-1] == 90
    assert found.captions is not None and len(found.captions.sentences) == 3500
    assert np.isfinite(found.rows.boxes).all() and not found.notes
