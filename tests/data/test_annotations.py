from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.data.tiny import white_boxes
from unified.data.annotations import Rows, Strings


def rows(n: int) -> Rows:
    boxes = np.arange(4.0 * n).reshape(n, 4)
    return Rows(boxes, np.arange(n), np.arange(n) + 100, np.arange(n) % 2 == 1, np.arange(float(n)) + 0.5)


@given(st.lists(st.text()))
def test_packed_strings_read_like_the_list(strings: list[str]) -> None:
    packed = Strings(strings)

    assert list(packed) == strings
    assert packed[0 : len(strings)] == strings
    with pytest.raises(IndexError):
        packed[len(strings)]


def test_rows_stay_together_when_selected_and_joined() -> None:
    chosen = Rows.concatenate([rows(4)[np.array([2, 0])], rows(3)[rows(3).crowd]])

    assert chosen.categories.tolist() == [2, 0, 1]
    assert chosen.identities.tolist() == [102, 100, 101]
    assert chosen.area.tolist() == [2.5, 0.5, 1.5]
    assert chosen.crowd.tolist() == [False, False, True]
    assert chosen.boxes[:, 0].tolist() == [8, 0, 4]


@pytest.mark.parametrize("n", [0, 3])
def test_rows_become_tensors_of_their_own(n: int) -> None:
    source = rows(n)
    objects = source.objects((48, 64), torch.float64)
    source.boxes[:] = -1

    assert objects.boxes.canvas_size == (48, 64)
    assert objects.boxes.shape == (n, 4) and (objects.boxes >= 0).all()
    assert [tensor.dtype for tensor in (objects.categories, objects.identities, objects.crowd, objects.area)] == [
        *(torch.int64, torch.int64, torch.bool, torch.float64)
    ]


def test_annotations_survive_the_way_to_another_process(tmp_path: Path) -> None:
    annotations = white_boxes(tmp_path, 3).annotations

    copy = pickle.loads(pickle.dumps(annotations))

    assert list(copy.files) == list(annotations.files)
    assert np.array_equal(copy.objects_of(2).boxes, annotations.objects_of(2).boxes)
    assert copy.captions_of(1) == annotations.captions_of(1)
