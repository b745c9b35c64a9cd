"""Several data sets as one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.data.tiny import captions, document, write_coco, write_json
from unified.data.annotations import Tags
from unified.data.dataset import Dataset, open_dataset
from unified.data.joined import IDENTITIES, Part, join
from unified.errors import DataError

TASKS = ("detection", "caption")


def data_set(root: Path, categories: list[dict[str, Any]] | None = None, *, captioned: bool = False) -> Dataset:
    content = document() | ({"categories": categories} if categories else {})
    write_coco(root, content=content)
    if captioned:
        write_json(root / "annotations/captions_train.json", captions())
    return open_dataset(root, "train")


def test_pictures_come_one_after_the_other_with_their_own_labels(tmp_path: Path) -> None:
    one, two = data_set(tmp_path / "one"), data_set(tmp_path / "two", captioned=True)
    both = join({"one": Part(one, ["detection"]), "two": Part(two, TASKS)}, TASKS, "train")
    assert len(both) == 6 and both.parts == {"one": 3, "two": 3}
    for i, (dataset, j) in enumerate([(one, 0), (one, 1), (one, 2), (two, 0), (two, 1), (two, 2)]):
        found, own = both.record(i), dataset.record(j)
        assert (found.path, found.size, found.image_id) == (own.path.absolute(), own.size, own.image_id)
        assert found.labels.captions == own.labels.captions
        assert found.labels.objects is not None and own.labels.objects is not None
        assert torch.equal(found.labels.objects.boxes, own.labels.objects.boxes)
        assert found.tasks == frozenset({"detection"} if i < 3 else TASKS)
    instances = [n for i in range(6) for n in both.annotations.objects_of(i).instances.tolist()]
    assert len(set(instances)) == 6, "every object has a number of its own"


def test_identities_of_one_data_set_are_not_those_of_another(tmp_path: Path) -> None:
    one, two = data_set(tmp_path / "one"), data_set(tmp_path / "two")
    both = join({"one": Part(one, TASKS), "two": Part(two, TASKS)}, TASKS, "train")
    numbers = [set(both.annotations.objects_of(i).identities.tolist()) - {-1} for i in (0, 3)]
    assert numbers == [{4}, {4 + IDENTITIES}] and both.taxonomy.identities == 2


def test_classes_in_another_order_are_the_same_classes(tmp_path: Path) -> None:
    other = [{"id": 3, "name": "dog"}, {"id": 7, "name": "cat"}]
    one, two = data_set(tmp_path / "one"), data_set(tmp_path / "two", other)
    both = join({"one": Part(one, TASKS), "two": Part(two, TASKS)}, TASKS, "train")
    assert both.taxonomy.categories == ("cat", "dog")
    swapped = [both.annotations.objects_of(i).categories.tolist() for i in (0, 3)]
    assert swapped[0] == [1 - k for k in swapped[1]]


def test_other_classes_are_an_error_that_shows_both_lists(tmp_path: Path) -> None:
    one, two = (
        data_set(tmp_path / "one"),
        data_set(tmp_path / "two", [{"id": 7, "name": "dog"}, {"id": 3, "name": "cow"}]),
    )
    with pytest.raises(DataError) as error:
        join({"one": Part(one, TASKS), "two": Part(two, TASKS)}, TASKS, "train")
    for words in (
        "one (2): cat, dog",
        "two (2): cow, dog",
        "cat in one only, cow in two only",
        "data.sources.two.tasks",
    ):
        assert words in str(error.value)


def test_where_no_task_looks_at_objects_the_classes_may_be_any(tmp_path: Path) -> None:
    one = data_set(tmp_path / "one")
    two = data_set(tmp_path / "two", [{"id": 7, "name": "pig"}, {"id": 3, "name": "cow"}], captioned=True)
    both = join({"two": Part(two, ["caption"], objects=False), "one": Part(one, ["detection"])}, TASKS, "train")
    assert both.taxonomy.categories == ("cat", "dog")
    assert [len(both.annotations.objects_of(i)) for i in range(6)] == [0, 0, 0, 2, 1, 0]
    assert both.record(0).seen_by("detection").labels.objects is None
    assert both.record(0).seen_by("caption").labels.captions == ("A dog left of a cat.", "two animals")
    assert both.record(3).seen_by("caption").labels.captions is None


def test_the_summary_says_how_many_pictures_each_task_has(tmp_path: Path) -> None:
    one, two = data_set(tmp_path / "one"), data_set(tmp_path / "two", captioned=True)
    both = join({"one": Part(one, ["detection"]), "two": Part(two, TASKS)}, TASKS, "train")
    assert both.summary().startswith("one (COCO) + two (COCO), train: 6 pictures")
    assert "labels for detection of 6 pictures, labels for caption of 3 pictures" in both.summary()


def test_what_files_say_nothing_of_stays_unlabelled_beside_files_that_do(tmp_path: Path) -> None:
    boxes = data_set(tmp_path / "boxes")
    whole = data_set(tmp_path / "tags", [{"id": 3, "name": "dog"}, {"id": 7, "name": "cat"}])
    present, known = np.array([[True, False], [False, False], [True, True]]), np.array([True, False, True])
    tagged = replace(whole.annotations, rows=whole.annotations.rows[:0], boxed=False, tags=Tags(present, known))
    tags = Dataset("tags", "train", replace(tagged, offsets=np.zeros(4, dtype=np.int64)))
    both = join({"boxes": Part(boxes, TASKS), "tags": Part(tags, TASKS)}, TASKS, "train")
    labels = [both.record(i).labels for i in range(6)]
    assert [found.objects is not None for found in labels] == [True] * 3 + [False] * 3
    found = [None if each.tags is None else each.tags.tolist() for each in labels]
    assert found == [None, None, None, [False, True], None, [True, True]], "in the order of the first one's classes"
    kinds = both.meeting(without=())
    assert kinds is not None and [len({*kinds[:3]}), len({*kinds})] == [1, 3], "boxes do not meet tags in a mosaic"
