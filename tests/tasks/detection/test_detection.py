"""The task as a whole: what its pieces share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from tasks.detection import Detection, Options, task
from unified.data.sample import Sample, Taxonomy
from unified.errors import CheckpointError, ConfigError
from unified.task import Levels

MakeSample = Callable[..., Sample]


def features(levels: Levels) -> dict[str, torch.Tensor]:
    """Of one picture of 192 × 128 pixels."""
    sizes = {name: (128 // stride, 192 // stride) for name, stride in levels.strides.items()}
    return {name: torch.randn(1, channels, *sizes[name]) for name, channels in levels.channels.items()}


@pytest.mark.parametrize("classes", [1, 2, 80])
def test_any_number_of_classes(levels: Levels, make_sample: MakeSample, classes: int) -> None:
    names = tuple(str(k) for k in range(classes))
    detection = task(levels, Taxonomy(names, tuple(range(classes))))
    raw = detection(features(levels))
    assert [level.shape[1] for level in raw] == [3 * (5 + classes)] * 3
    parts = detection.loss(raw, detection.encode([make_sample([(20, 20, 60, 80, classes - 1)])]))
    assert parts.keys() == detection.gains.keys()
    torch.stack(list(parts.values())).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in detection.parameters())


def test_no_class_at_all_is_refused(levels: Levels) -> None:
    with pytest.raises(ConfigError, match="at least one category"):
        task(levels, Taxonomy((), ()))


def test_thresholds_come_from_the_options_unless_given(
    levels: Levels, taxonomy: Taxonomy, make_sample: MakeSample
) -> None:
    detection = task(levels, taxonomy, score=0.2, max_detections=7)
    raw = [4 * torch.randn_like(level) for level in detection(features(levels))]
    frames = [make_sample([]).frame]
    (found,) = detection.decode(raw, frames)
    assert len(found) == 7 and found.scores.min() > 0.2
    assert len(detection.decode(raw, frames, max_detections=3)[0]) == 3
    assert detection.decode(raw, frames, score=0.8, max_detections=300)[0].scores.min() > 0.8
    assert len(detection.decode(raw, frames, iou=0.0)[0]) <= 7


def test_anchors_are_fitted_before_training_and_kept_in_the_checkpoint(
    levels: Levels, taxonomy: Taxonomy, make_sample: MakeSample
) -> None:
    specks = [make_sample([(8 * i, 10, 8 * i + 2, 13, 0) for i in range(12)]).record]
    detection = task(levels, taxonomy)
    before = detection.anchors.clone()

    detection.prepare(specks, 192)

    assert not torch.equal(detection.anchors, before)
    again = task(levels, taxonomy)
    again.load_state_dict(detection.state_dict())
    assert torch.equal(again.anchors, detection.anchors)


@pytest.mark.parametrize("anchors", ["trunk", [[[8, 8]], [[16, 16]], [[32, 32]]]])
def test_anchors_that_were_asked_for_stay(
    levels: Levels, taxonomy: Taxonomy, make_sample: MakeSample, anchors: object
) -> None:
    detection = task(levels, taxonomy, anchors=anchors)
    before = detection.anchors.clone()
    detection.prepare([make_sample([(8, 10, 9, 12, 0)] * 9).record], 128)
    assert torch.equal(detection.anchors, before)
    assert detection(features(levels))[0].shape[1] == detection.anchors.shape[1] * 8


def test_options_reach_their_places(levels: Levels, taxonomy: Taxonomy) -> None:
    detection = Detection(levels, taxonomy, Options(balance=[1.0, 2.0, 3.0], gr=0.5, focal_gamma=1.5, overlap="giou"))
    criterion = detection.criterion
    assert (criterion.balance, criterion.gr, criterion.focal_gamma, criterion.overlap) == ((1, 2, 3), 0.5, 1.5, "giou")
    with pytest.raises(ConfigError, match="balance has 1 numbers"):
        task(levels, taxonomy, balance=[1.0])


def test_a_few_steps_teach_the_head_one_picture(levels: Levels, taxonomy: Taxonomy, make_sample: MakeSample) -> None:
    """Loss, assignment and decoding agree: a head trained on random features finds the boxes it was shown."""
    torch.manual_seed(1)
    wide = Levels(dict.fromkeys(levels.channels, 64), levels.strides, levels.anchors)
    detection, samples = task(wide, taxonomy), [make_sample([(20, 20, 60, 80, 0), (100, 40, 180, 90, 2)])]
    shown, target = features(wide), detection.encode(samples)
    optimizer = torch.optim.Adam(detection.parameters(), lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        parts = detection.loss(detection(shown), target)
        torch.stack([detection.gains[part] * value for part, value in parts.items()]).sum().backward()
        optimizer.step()

    (found,) = detection.decode(detection(shown), [samples[0].frame], score=0.3)

    assert sorted(found.names[:2]) == ["cat", "owl"]
    for label, wanted in ((0, [40, 40, 120, 160]), (2, [200, 80, 360, 180])):
        best = found.boxes[found.labels == label][0]
        assert best.tolist() == pytest.approx(wanted, abs=6)


def test_anchors_that_are_spelt_out_are_not_replaced_by_those_of_a_checkpoint(
    levels: Levels, taxonomy: Taxonomy
) -> None:
    own = [[list(anchor) for anchor in anchors] for anchors in levels.anchors.values()]
    other = [[[2 * w, h] for w, h in anchors] for anchors in own]
    weights = task(levels, taxonomy, anchors=own).state_dict()

    with pytest.raises(CheckpointError, match=r"learnt with the anchors .* leave detection\.anchors out"):
        task(levels, taxonomy, anchors=other).load_state_dict(weights)
    task(levels, taxonomy, anchors=own).load_state_dict(weights)
    taken = task(levels, taxonomy)
    taken.load_state_dict(task(levels, taxonomy, anchors=other).state_dict())
    assert taken.anchors.tolist() == other
