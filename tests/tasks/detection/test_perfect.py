"""The maps of a perfect head decode to the truth."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tasks.detection import Detection, task
from unified.data.sample import Sample, Taxonomy
from unified.task import Levels

MakeSample = Callable[..., Sample]


def make_raw(detection: Detection, batch: int, size: tuple[int, int] = (192, 128)) -> list[Tensor]:
    channels = detection.anchors.shape[1] * (5 + len(detection.taxonomy))
    return [torch.randn(batch, channels, size[1] // stride, size[0] // stride) for stride in detection.strides]


def assert_decodes_to_the_truth(detection: Detection, samples: list[Sample], tolerance: float = 0.01) -> None:
    raw = detection.perfect(detection.encode(samples), make_raw(detection, len(samples)))
    for found, sample in zip(detection.decode(raw, [s.frame for s in samples]), samples, strict=True):
        truth = sample.record.labels.objects
        assert truth is not None
        keys = [(*box, label) for box, label in zip(found.boxes.tolist(), found.labels.tolist(), strict=True)]
        wanted = [(*b, c) for b, c in zip(truth.boxes.tolist(), truth.categories.tolist(), strict=True)]
        assert len(keys) == len(wanted)
        for key, expected in zip(sorted(keys), sorted(wanted), strict=True):
            assert key == pytest.approx(expected, abs=tolerance)


def test_boxes_of_every_size_come_back(detection: Detection, make_sample: MakeSample) -> None:
    small = make_sample([(3, 3, 4, 5, 0), (188, 120, 192, 128, 1), (100, 64, 108, 72, 2)])
    large = make_sample([(0, 0, 192, 128, 2), (10, 20, 90, 40, 0)])
    assert_decodes_to_the_truth(detection, [small, make_sample([]), large])


def test_several_boxes_in_one_cell_find_places_of_their_own(detection: Detection, make_sample: MakeSample) -> None:
    crowded = make_sample([(60, 60, 68, 68, 0), (60, 60, 68, 68, 1), (60, 60, 68, 68, 2), (61, 61, 80, 67, 0)])
    assert_decodes_to_the_truth(detection, [crowded])


def test_random_scenes_come_back_but_for_what_suppression_takes(detection: Detection, make_sample: MakeSample) -> None:
    g = torch.Generator().manual_seed(3)
    for _ in range(5):
        corner = torch.rand(12, 2, generator=g) * torch.tensor([150, 90])
        size = torch.rand(12, 2, generator=g) * 36 + 2
        # A class of its own for every box would need twelve classes; apart in place is as good.
        columns = [*corner.T, *(corner + size).T, torch.arange(12) % 3]
        sample = make_sample(torch.stack(columns, 1).tolist())
        raw = detection.perfect(detection.encode([sample]), make_raw(detection, 1))
        (found,) = detection.decode(raw, [sample.frame], iou=0.99)
        truth = sample.record.labels.objects
        assert truth is not None
        gap = torch.cdist(truth.boxes.as_subclass(Tensor).double(), found.boxes.double()).amin(1)
        assert gap.max() < 0.05


def test_one_class_is_enough(levels: Levels, make_sample: MakeSample) -> None:
    detection = task(levels, Taxonomy(("thing",), (1,)))
    assert_decodes_to_the_truth(detection, [make_sample([(20, 20, 60, 80, 0)])])


def test_without_objects_nothing_is_found(detection: Detection, make_sample: MakeSample) -> None:
    samples = [make_sample([]), make_sample(None)]
    raw = detection.perfect(detection.encode(samples), make_raw(detection, 2))
    assert [len(found) for found in detection.decode(raw, [s.frame for s in samples])] == [0, 0]
