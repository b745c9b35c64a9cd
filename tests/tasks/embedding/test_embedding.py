from __future__ import annotations

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from tasks.embedding import Embeddings, Options, task
from tasks.embedding.target import encode
from unified.data.sample import Labels, Objects, Record, Sample, Taxonomy
from unified.errors import ConfigError
from unified.evaluate import answer
from unified.ops.frame import Frame
from unified.task import Levels, Regions

LEVELS = Levels({"p3": 6, "p4": 8}, {"p3": 8, "p4": 16}, {"p3": ((8, 8),), "p4": ((16, 16),)})
TAXONOMY = Taxonomy(("cat", "dog"), (1, 2), identities=3)
BOXES = torch.tensor([[0.0, 0, 32, 32], [32, 32, 64, 64], [0, 32, 32, 64]])


def sample(identities: list[int], *, first: int = 0, crowd: list[bool] | None = None) -> Sample:
    n = len(identities)
    objects = Objects.make(
        BOXES[:n],
        torch.arange(n) % 2,
        (64, 64),
        identities=torch.tensor(identities),
        crowd=torch.tensor(crowd) if crowd else None,
        instances=torch.arange(first, first + n),
    )
    record = Record(first, Path("x.jpg"), (64, 64), Labels(objects))
    return Sample(torch.zeros(3, 64, 64, dtype=torch.uint8), Labels(objects), Frame.identity((64, 64)), record)


def features(batch: int) -> dict[str, torch.Tensor]:
    return {"p3": torch.randn(batch, 6, 8, 8), "p4": torch.randn(batch, 8, 4, 4)}


def test_what_is_the_same_depends_on_the_target() -> None:
    samples = [sample([7, -1, 9], first=10), sample([9], first=20)]

    assert encode(samples, "identity")["same"].tolist() == [7, 9, 9]
    assert encode(samples, "category")["same"].tolist() == [0, 1, 0, 0]
    assert encode(samples, "self")["same"].tolist() == [10, 11, 12, 20]


def test_a_crowd_is_no_object() -> None:
    assert encode([sample([1, 2], crowd=[True, False])], "category")["same"].tolist() == [1]


@pytest.mark.parametrize("target", ["identity", "category", "self"])
def test_data_without_any_id_trains_nothing_or_by_its_own_target(target: str) -> None:
    embedding = task(LEVELS, Taxonomy(("cat", "dog"), (1, 2)), target=target)
    samples = [sample([-1, -1]), sample([-1])]

    losses = embedding.loss(embedding(features(2)), embedding.encode(samples))

    assert (losses == {}) == (target == "identity")
    embedding.prepare([s.record for s in samples], 64)


@pytest.mark.parametrize("loss", ["cross_entropy", "arcface", "cosface"])
def test_identities_of_the_files_become_classes(loss: str) -> None:
    embedding = task(LEVELS, TAXONOMY, loss=loss)
    samples = [sample([50, 7, -1]), sample([900])]
    embedding.prepare([s.record for s in samples], 64)
    assert embedding.trained.tolist() == [7, 50, 900]

    known = embedding.loss(embedding(features(2)), embedding.encode(samples))
    unknown = embedding.loss(embedding(features(1)), embedding.encode([sample([8, 10_000])]))

    assert torch.isfinite(known[loss]) and unknown == {}


def test_a_classifying_loss_needs_classes() -> None:
    with pytest.raises(ConfigError, match="names none"):
        task(LEVELS, Taxonomy(("cat",), (1,)), loss="arcface")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dimension": 100, "grid": 3}, "multiple of grid² = 9, got 100"),
        ({"loss": "arcface", "memory": 10}, "memory is for losses that compare"),
        ({"loss": "cosface", "target": "self"}, "too many for cosface"),
        ({"whiten": 0.1, "target": "self"}, "in one picture only"),
        ({"codes": {"align": {"operator": "add", "per_anchor": True}}}, "speak of anchors, and this task has none"),
    ],
)
def test_options_that_do_not_go_together_are_told(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Options.model_validate(options)


def test_vectors_of_found_and_true_boxes_are_those_of_the_boxes() -> None:
    embedding = task(LEVELS, TAXONOMY).eval()
    raw, frames = embedding(features(2)), [Frame.letterbox((128, 64), (64, 64))] * 2
    boxes = 2 * BOXES
    regions = [Regions(boxes[:1], boxes), Regions(boxes[:0], None)]

    first, second = embedding.describe(raw, embedding.decode(raw, frames), frames, regions)

    assert first.true_vectors is not None and second.true_vectors is None
    torch.testing.assert_close(first.vectors[0], first.true_vectors[0])
    inside = frames[0].to_input(boxes)
    torch.testing.assert_close(first.true_vectors, embedding.read(raw, inside, torch.zeros(3).long()))
    assert second.vectors.shape == (0, 128)


def test_the_vector_of_a_picture_is_that_of_the_box_around_it() -> None:
    embedding = task(LEVELS, TAXONOMY).eval()
    raw, frames = embedding(features(1)), [Frame.letterbox((100, 50), (64, 64))]

    (result,) = embedding.decode(raw, frames)
    (again,) = embedding.describe(raw, [result], frames, [Regions(torch.tensor([[0.0, 0, 100, 50]]))])

    torch.testing.assert_close(again.vectors[0], result.image_vector)


@pytest.mark.parametrize("target", ["identity", "self"])
def test_the_metric_tells_identities_that_training_never_saw(target: str) -> None:
    embedding = task(LEVELS, TAXONOMY, target=target)
    seen, unseen = [sample([1, 2]), sample([1, 2])], [sample([8]), sample([8])]
    embedding.prepare([s.record for s in seen], 64)
    samples = [*seen, *unseen]
    assert embedding.trained.tolist()[:2] == [1, 2] and 8 not in embedding.trained
    raw = embedding.perfect(task(LEVELS, TAXONOMY).encode(samples), embedding(features(4)))
    metric = embedding.metric()

    metric.update(answer({"embedding": embedding}, {"embedding": raw}, samples), samples)
    numbers = metric.compute().numbers

    assert numbers["Rank-1"] == numbers["Rank-1_unseen"] == numbers["mAP"] == 1.0
    assert "found" not in numbers  # nothing found boxes


def test_without_unseen_identities_their_numbers_are_undefined() -> None:
    embedding = task(LEVELS, TAXONOMY)
    samples = [sample([1, 2]), sample([1, 2])]
    embedding.prepare([s.record for s in samples], 64)
    metric = embedding.metric()
    metric.update(answer({"embedding": embedding}, {"embedding": embedding(features(2))}, samples), samples)

    assert metric.compute().numbers["Rank-1_unseen"] is None


def test_pictures_of_one_identity_want_to_meet() -> None:
    records = [sample([7, -1]).record, sample([7]).record, sample([-1]).record]

    kinship = task(LEVELS, TAXONOMY, views=3).kinship(records)

    assert kinship is not None and kinship.views == 3 and [list(keys) for keys in kinship.keys] == [[7], [7], []]
    assert task(LEVELS, TAXONOMY, views=1).kinship(records) is None


def test_equal_results_are_equal_and_others_are_not() -> None:
    one = Embeddings(torch.tensor([0.6, 0.8]), torch.tensor([[1.0, 0.0]]))

    assert one == Embeddings.from_json(one.to_json())
    assert one != Embeddings(torch.tensor([0.6, 0.8]), torch.tensor([[0.0, 1.0]]))
