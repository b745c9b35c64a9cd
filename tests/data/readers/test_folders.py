from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tasks.classification.presence import encode as encode_tags
from tasks.detection.target import encode as encode_boxes
from tests.data.readers.folder import fill, findings, write
from unified.data.augment import Augment
from unified.data.dataset import open_dataset
from unified.data.letterbox import Letterbox
from unified.data.loader import Loader
from unified.errors import DataError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return fill(tmp_path, "train/cat/a.png", "train/cat/deep/b.png", "train/dog/c.png", "val/eel/d.png", size=(20, 10))


def test_a_folder_a_class_gives_one_tag_a_picture_and_nothing_about_objects(root: Path) -> None:
    dataset = open_dataset(root, "train")

    labels = [dataset.record(i).labels for i in range(len(dataset))]
    assert [label.tags.tolist() for label in labels if label.tags is not None] == [[1, 0, 0], [1, 0, 0], [0, 1, 0]]
    assert all(label.objects is None for label in labels)
    assert dataset.taxonomy.categories == ("cat", "dog", "eel")
    assert dataset.summary() == f"{root.name} (image folders), train: 3 pictures, 3 tags of 3 classes on 3 pictures"


def test_without_splits_all_is_train(tmp_path: Path) -> None:
    fill(tmp_path, "cat/a.png", "dog/b.png")

    assert len(open_dataset(tmp_path, "train")) == 2


@pytest.mark.parametrize("names", [("images/a.png", "labels/b.png"), ("pictures/a.png",)])
def test_mere_folders_of_pictures_are_no_classes(names: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no split 'train'"):
        open_dataset(fill(tmp_path, *names), "train")


def test_an_unreadable_picture_is_a_fault(root: Path) -> None:
    write(root, {"train/dog/c.png": "no picture"})

    assert [(fault.kind, Path(fault.file).name) for fault in findings(root)] == [("not a picture", "c.png")]


@pytest.mark.parametrize("pipeline", [Letterbox(32), Augment(32), Augment(32, mixup=1.0)])
def test_tags_reach_the_batch_and_pictures_without_boxes_are_unlabelled_for_detection(
    pipeline: Letterbox | Augment, root: Path
) -> None:
    (batch,) = Loader(open_dataset(root, "train"), pipeline, batch=3, seed=1).epoch(0)

    target = encode_tags(batch.samples, 3)
    assert target["labelled"].all() and not encode_boxes(batch.samples)["labelled"].any()
    alone = torch.tensor([[1, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=torch.bool)
    assert (target["present"] & alone).equal(alone)  # a mosaic shows also what its other tiles show
    if isinstance(pipeline, Letterbox):
        assert target["present"].equal(alone)
    assert not target["present"][:, 2].any()


def test_a_class_whose_pictures_all_lie_deeper_is_a_class(tmp_path: Path) -> None:
    dataset = open_dataset(fill(tmp_path, "train/cat/a.png", "train/dog/deep/b.png"), "train")

    assert dataset.taxonomy.categories == ("cat", "dog") and len(dataset) == 2
