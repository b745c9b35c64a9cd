from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from collections import namedtuple
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.data.tiny import Deadly, Sleepy, white_boxes
from unified.data.augment import Augment
from unified.data.dataset import Dataset
from unified.data.letterbox import Letterbox
from unified.data.loader import Loader
from unified.data.sample import Batch
from unified.errors import ConfigError, DataError

COUNT = 13
TRAIN: dict[str, Any] = {"batch": 4, "seed": 3, "shuffle": True}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return white_boxes(tmp_path_factory.mktemp("white"), COUNT)


def augment() -> Augment:
    return Augment(64, mosaic=0.7, mixup=0.2)


def assert_same(batches: Iterable[Batch], others: Iterable[Batch]) -> None:
    for batch, other in zip(batches, others, strict=True):
        assert torch.equal(batch.images, other.images)
        for sample, twin in zip(batch.samples, other.samples, strict=True):
            assert sample.record.image_id == twin.record.image_id
            assert sample.frame == twin.frame
            assert sample.labels.captions == twin.labels.captions
            assert sample.labels.objects is not None and twin.labels.objects is not None
            assert torch.equal(sample.labels.objects.boxes, twin.labels.objects.boxes)
            assert torch.equal(sample.labels.objects.identities, twin.labels.objects.identities)


def image_ids(batches: Iterable[Batch]) -> list[int | str]:
    return [sample.record.image_id for batch in batches for sample in batch.samples]


def test_evaluation_goes_through_the_pictures_in_order(dataset: Dataset) -> None:
    loader = Loader(dataset, Letterbox(64), batch=4)

    batches = list(loader.epoch(0))

    assert image_ids(batches) == list(range(COUNT))
    assert [len(batch.samples) for batch in batches] == [4, 4, 4, 1]
    assert len(loader) == 4
    for batch in batches:
        assert batch.images.dtype == torch.uint8 and batch.images.shape[1:] == (3, 64, 64)
        for image, sample in zip(batch.images, batch.samples, strict=True):
            assert torch.equal(image, sample.image)


def test_training_sees_every_picture_once_an_epoch_in_another_order(dataset: Dataset) -> None:
    loader = Loader(dataset, augment(), **TRAIN)

    orders = [image_ids(loader.epoch(epoch)) for epoch in range(3)]

    assert all(sorted(map(int, order)) == list(range(COUNT)) for order in orders)
    assert len(set(map(tuple, orders))) == 3


def test_the_last_batch_can_be_dropped(dataset: Dataset) -> None:
    loader = Loader(dataset, augment(), **TRAIN, drop_last=True)

    assert [len(batch.samples) for batch in loader.epoch(0)] == [4, 4, 4]
    assert len(loader) == 3


@pytest.mark.parametrize("workers", [0, 2])
def test_the_same_seed_gives_the_same_batches(workers: int, dataset: Dataset) -> None:
    one, two = (Loader(dataset, augment(), **TRAIN, workers=workers) for _ in range(2))
    list(one.epoch(0))
    torch.rand(7)  # the global generator is none of the loader's business

    assert_same(one.epoch(4), two.epoch(4))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_resumed_in_its_middle_goes_on_as_if_nothing_had_happened(workers: int, dataset: Dataset) -> None:
    whole = list(Loader(dataset, augment(), **TRAIN, workers=workers).epoch(2))
    resumed = Loader(dataset, augment(), **TRAIN, workers=workers)

    for start in (1, 3, 4):
        assert_same(whole[start:], resumed.epoch(2, start))


def test_an_epoch_left_early_does_not_disturb_the_next(dataset: Dataset) -> None:
    loader, fresh = (Loader(dataset, augment(), **TRAIN, workers=2) for _ in range(2))

    for _ in islice(loader.epoch(0), 1):
        break

    assert_same(loader.epoch(1), fresh.epoch(1))


def test_without_mosaic_the_number_of_workers_changes_nothing(dataset: Dataset) -> None:
    one, two = (Loader(dataset, augment(), **TRAIN, workers=workers) for workers in (0, 2))

    assert_same(one.epoch(1, mosaic=False), two.epoch(1, mosaic=False))


def test_mosaic_can_be_closed(dataset: Dataset) -> None:
    loader = Loader(dataset, Augment(64), **TRAIN)

    assert all(sample.labels.captions is None for batch in loader.epoch(0) for sample in batch.samples)
    assert all(sample.labels.captions for batch in loader.epoch(1, mosaic=False) for sample in batch.samples)


def test_the_loader_leaves_the_global_generator_alone(dataset: Dataset) -> None:
    before = torch.get_rng_state()

    list(Loader(dataset, augment(), **TRAIN).epoch(0))

    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_picture_is_named(workers: int, tmp_path: Path) -> None:
    dataset = white_boxes(tmp_path, COUNT)
    dataset.record(6).path.write_bytes(b"")
    loader = Loader(dataset, Letterbox(64), batch=4, workers=workers)

    with pytest.raises(DataError, match=r"6\.png: the file is empty") as error:
        list(loader.epoch(0))
    assert "Traceback" not in str(error.value)


def test_a_worker_that_dies_is_an_error_that_names_the_pictures(dataset: Dataset) -> None:
    loader = Loader(dataset, Deadly(64), batch=4, workers=1, timeout=60)

    with pytest.raises(DataError, match=r"worker died or hangs.*Being read were .*5\.png.*Common causes"):
        list(loader.epoch(0))


def test_a_worker_that_hangs_is_given_up(dataset: Dataset) -> None:
    loader = Loader(dataset, Sleepy(64), batch=4, workers=1, timeout=1)

    with pytest.raises(DataError, match=r"worker died or hangs \(.*timed out.*\)"):
        list(loader.epoch(0))


def test_too_little_shared_memory_is_said_before_anything_crashes(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(2**26, 2**26 - 1000, 1000))
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("unified.data.loader._SHARED_MEMORY", Path("/"))

    with pytest.raises(ConfigError, match=r"has 0 MB free; the batches of the workers need .*--shm-size.*workers=0"):
        Loader(dataset, Letterbox(640), batch=16, workers=2)
    Loader(dataset, Letterbox(640), batch=16, workers=0)


def test_ctrl_c_does_not_end_the_workers(dataset: Dataset) -> None:
    batches = Loader(dataset, Letterbox(64), batch=1, workers=1).epoch(0)
    first = next(batches)
    for worker in multiprocessing.active_children():
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGINT)
    assert image_ids([first, *batches]) == list(range(COUNT))
