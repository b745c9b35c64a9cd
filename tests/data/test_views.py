"""Strong and weak views in one batch."""

from __future__ import annotations

from typing import Any

import pytest

from tests.data.tiny import white_boxes
from unified.data.audience import Audience
from unified.data.augment import Augment
from unified.data.dataset import Dataset
from unified.data.loader import Loader
from unified.data.pipeline import Draw
from unified.data.sample import Sample
from unified.data.shelf import Shelf
from unified.data.views import Views

TASKS = ("detection", "caption")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return white_boxes(tmp_path_factory.mktemp("white"), 32)


def samples(
    dataset: Dataset, share: float = 0.5, only_weak: tuple[str, ...] = ("caption",), **options: Any
) -> list[Sample]:
    strong, weak = Augment(64, mosaic=1.0), Augment(64, mosaic=0, scale=0, translate=0)
    views = Views(strong, weak, share=share, tasks=TASKS, only_weak=only_weak)
    loader = Loader(dataset, views, batch=8, shuffle=True, **options)
    return [sample for batch in loader.epoch(0) for sample in batch.samples]


def test_a_batch_holds_mosaics_without_captions_and_weak_views_with_them(dataset: Dataset) -> None:
    found = samples(dataset)
    captioned = [sample.seen_by("caption").labels.captions is not None for sample in found]
    boxed = [sample.seen_by("detection").labels.objects is not None for sample in found]
    assert all(boxed) and 8 < sum(captioned) < 24
    for start in range(0, 32, 8):
        assert 0 < sum(captioned[start : start + 8]) < 8, "both in one step"
    for sample, weak in zip(found, captioned, strict=True):
        assert sample.labels.objects is not None
        assert len(sample.labels.objects) == 1 if weak else len(sample.labels.objects) >= 1
    assert max(len(s.labels.objects) for s in found if s.labels.objects is not None) > 2


def test_a_strong_view_is_not_for_tasks_of_weak_ones_even_without_a_mosaic(dataset: Dataset) -> None:
    views = Views(Augment(64, mosaic=0), Augment(64, mosaic=0), share=0.5, tasks=TASKS, only_weak=["caption"])
    found = [sample for batch in Loader(dataset, views, batch=8).epoch(0) for sample in batch.samples]
    assert {sample.tasks for sample in found} == {None, frozenset({"detection"})}
    assert all(sample.labels.captions for sample in found)


def test_without_tasks_of_weak_views_all_is_strong(dataset: Dataset) -> None:
    assert all(sample.tasks is None and sample.labels.captions is None for sample in samples(dataset, 0.0, ()))


def test_a_picture_labelled_for_weak_views_alone_is_always_shown_so(dataset: Dataset) -> None:
    captions = dataset.limited(Audience.of_parts(TASKS, [(16, ["caption"]), (16, ["detection"])]))
    for sample in samples(captions, 0.1):
        if int(sample.record.image_id) < 16:
            assert sample.seen_by("caption").labels.captions and sample.seen_by("detection").labels.objects is None
        else:
            assert sample.seen_by("caption").labels.captions is None


def test_a_mosaic_is_for_the_tasks_that_all_its_pictures_are_labelled_for(dataset: Dataset) -> None:
    half = dataset.limited(Audience.of_parts(TASKS, [(16, ["detection"]), (16, [])]))
    audience = half.audience
    assert audience is not None
    anyone = samples(half, 0.0, ())
    fitting = samples(half, 0.0, (), labels=audience.codes())
    seen = [sum(s.tasks == frozenset({"detection"}) for s in found) for found in (anyone, fitting)]
    assert seen[0] < 8 and seen[1] == 16, "partners that are labelled alike lose nothing"


def test_which_pictures_are_weak_does_not_depend_on_whom_they_would_meet(dataset: Dataset) -> None:
    views = Views(Augment(64), Augment(64, mosaic=0), share=0.5, tasks=TASKS, only_weak=["caption"])
    shelf = Shelf(dataset, 64, capacity=8)
    for seed in range(10):
        one, other = (views(shelf, Draw(0, partners, (seed,))) for partners in ((1, 2, 3), (4, 5, 6)))
        assert one.tasks == other.tasks
