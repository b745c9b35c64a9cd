"""What counts as present, and how it becomes a target and a prior."""

from __future__ import annotations

from pathlib import Path

import torch

from tasks.classification.presence import PRIOR, encode, perfect_logits, presence, prior_log_odds
from unified.data.sample import Labels, Objects, Record, Sample
from unified.ops.frame import Frame

K = 4


def objects(categories: list[int], crowd: list[bool] | None = None) -> Objects:
    boxes = torch.tensor([[0.0, 0.0, 5.0, 5.0]]).repeat(len(categories), 1)
    return Objects.make(
        boxes, torch.tensor(categories), (8, 8), crowd=None if crowd is None else torch.tensor(crowd, dtype=torch.bool)
    )


def record(labels: Labels) -> Record:
    return Record(1, Path("1.jpg"), (8, 8), labels)


def sample(seen: Labels, original: Labels | None = None) -> Sample:
    image = torch.zeros(3, 8, 8, dtype=torch.uint8)
    return Sample(image, seen, Frame.identity((8, 8)), record(original or seen))


def as_list(labels: Labels) -> list[bool] | None:
    present = presence(labels, K)
    return None if present is None else present.tolist()


def test_objects_say_what_is_present_however_many_there_are() -> None:
    assert as_list(Labels(objects([2, 0, 2]))) == [True, False, True, False]


def test_a_crowd_is_present() -> None:
    assert as_list(Labels(objects([1], crowd=[True]))) == [False, True, False, False]


def test_tags_are_believed_before_objects() -> None:
    tags = torch.tensor([False, False, False, True])
    assert as_list(Labels(objects([0]), tags=tags)) == [False, False, False, True]


def test_a_picture_known_to_be_empty_is_labelled_and_one_without_labels_is_not() -> None:
    assert as_list(Labels(Objects.none((8, 8)))) == [False] * K
    assert as_list(Labels(captions=("a dog",))) is None


def test_the_target_is_what_the_input_still_shows() -> None:
    cut_away = sample(Labels(objects([1])), original=Labels(objects([1, 3])))

    target = encode([cut_away, sample(Labels())], K)

    assert target["labelled"].tolist() == [True, False]
    assert target["present"].tolist() == [[False, True, False, False], [False] * K]


def test_perfect_logits_have_the_target_s_probabilities() -> None:
    target = encode([sample(Labels(objects([1])))], K)
    like = torch.zeros(1, K, dtype=torch.float64)

    logits = perfect_logits(target, like)

    assert logits.dtype == like.dtype
    torch.testing.assert_close(logits.sigmoid(), target["present"].double(), atol=1e-4, rtol=0)


def test_the_prior_is_the_frequency_in_the_labelled_pictures_and_never_certain() -> None:
    records = [record(Labels(objects([0]))), record(Labels(objects([0, 1]))), record(Labels())]

    prior = prior_log_odds(records, K).sigmoid()

    torch.testing.assert_close(prior, torch.tensor([3 / 4, 2 / 4, 1 / 4, 1 / 4]))
    torch.testing.assert_close(prior_log_odds([record(Labels())], K).sigmoid(), torch.full((K,), PRIOR))
