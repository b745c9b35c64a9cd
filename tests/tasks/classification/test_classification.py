"""The task as a whole: both heads, every code, every loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from tasks.classification import Options, task
from unified.data.sample import Labels, Objects, Record, Sample, Taxonomy
from unified.errors import ConfigError
from unified.model.fold import fold
from unified.ops.frame import Frame
from unified.task import Levels

LEVELS = Levels({"p3": 8, "p4": 12, "p5": 16}, {"p3": 8, "p4": 16, "p5": 32}, {})
HEADS = ["pooled", "query"]
MODELLINGS: list[dict[str, Any]] = [
    {"modelling": "vector"},
    {"modelling": "network", "nonlinear": True},
    {"modelling": "factorization", "nonnegative": True},
]
ALIGN = ["add", "mul", "concat", "select", "project"]
REFINE = ["add", "mul", "select", "project"]


def taxonomy(categories: int) -> Taxonomy:
    return Taxonomy(tuple(f"c{k}" for k in range(categories)), tuple(range(categories)))


def features(batch: int = 3) -> dict[str, Tensor]:
    return {
        level: torch.randn(batch, channels, 64 // LEVELS.strides[level], 96 // LEVELS.strides[level])
        for level, channels in LEVELS.channels.items()
    }


def samples(categories: list[list[int]]) -> list[Sample]:
    made = []
    for i, kinds in enumerate(categories):
        boxes = torch.tensor([[1.0, 1.0, 9.0, 9.0]]).repeat(len(kinds), 1)
        objects = Objects.make(boxes, torch.tensor(kinds), (64, 96))
        record = Record(i, Path("x.jpg"), (96, 64), Labels(objects))
        made.append(Sample(torch.zeros(3, 64, 96, dtype=torch.uint8), record.labels, Frame.identity((96, 64)), record))
    return made


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("modelling", MODELLINGS, ids=lambda modelling: modelling["modelling"])
@pytest.mark.parametrize(("align", "refine"), [(a, REFINE[i % len(REFINE)]) for i, a in enumerate(ALIGN)])
def test_gradients_reach_features_and_codes_of_every_pairing_and_all_of_it_folds(
    head: str, modelling: dict[str, Any], align: str, refine: str
) -> None:
    torch.manual_seed(0)
    codes = {"align": {"operator": align, **modelling}, "refine": {"operator": refine, **modelling}}
    made = task(LEVELS, taxonomy(5), head=head, codes=codes, width=16, queries=3)
    inputs = {level: value.requires_grad_() for level, value in features().items()}

    (loss,) = made.loss(made(inputs), made.encode(samples([[0, 3], [], [4]]))).values()
    loss.backward()

    learnt = {f"{name} {n}": p for name, code in made.codes().items() for n, p in code.named_parameters()}
    for name, value in (inputs | learnt).items():
        assert value.grad is not None and value.grad.abs().sum() > 0, name
    folded, made = fold(made.double()), made.eval()
    doubles = {level: value.detach().double() for level, value in inputs.items()}
    torch.testing.assert_close(folded(doubles), made(doubles), rtol=0, atol=1e-12)
    assert folded.codes() == {}


@pytest.mark.parametrize(
    ("head", "places"), [("pooled", ["refine/p3", "refine/p4", "refine/p5"]), ("query", ["refine/logits"])]
)
def test_codes_are_listed_by_place_and_level(head: str, places: list[str]) -> None:
    made = task(LEVELS, taxonomy(5), head=head)
    without = task(LEVELS, taxonomy(5), head=head, codes={"align": None, "refine": None})

    assert list(made.codes()) == ["align/p3", "align/p4", "align/p5", *places]
    assert without.codes() == {}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("loss", ["bce", "asl"])
def test_a_few_steps_learn_a_few_pictures(head: str, loss: str) -> None:
    torch.manual_seed(0)
    made = task(LEVELS, taxonomy(3), head=head, loss=loss, width=16)
    inputs, target = features(4), made.encode(samples([[0], [1, 2], [], [2]]))
    optimizer = torch.optim.Adam(made.parameters(), lr=0.02)

    for _ in range(60):
        optimizer.zero_grad()
        made.loss(made(inputs), target)[loss].backward()
        optimizer.step()

    assert ((made(inputs) > 0) == target["present"]).all()


@pytest.mark.parametrize("head", HEADS)
def test_preparation_stores_the_frequencies_in_the_parameters(head: str) -> None:
    made = task(LEVELS, taxonomy(3), head=head, width=16)
    made.prepare([sample.record for sample in samples([[0], [0, 1], [0], [0]])], 64)

    again = task(LEVELS, taxonomy(3), head=head, width=16)
    again.load_state_dict(made.state_dict())

    inputs = features()
    torch.testing.assert_close(again(inputs), made(inputs))
    assert not torch.equal(made(inputs), task(LEVELS, taxonomy(3), head=head, width=16)(inputs))


@pytest.mark.parametrize("head", HEADS)
def test_one_category_goes_all_the_way(head: str) -> None:
    made = task(LEVELS, taxonomy(1), head=head, width=16)
    batch = samples([[0], [], [0]])
    target = made.encode(batch)
    raw = made(features())

    assert raw.shape == (3, 1)
    assert torch.isfinite(made.loss(raw, target)["bce"])
    found = made.decode(made.perfect(target, raw), [sample.frame for sample in batch])
    assert [list(result.tags) for result in found] == [["c0"], [], ["c0"]]


def test_a_higher_score_leaves_out_tags_and_a_lower_one_adds_none() -> None:
    made = task(LEVELS, taxonomy(2), threshold=0.5)
    raw, frames = torch.tensor([[2.0, 0.1]]), [Frame.identity((96, 64))]  # probabilities 0.88 and 0.52

    tags = {score: list(made.decode(raw, frames, score=score)[0].tags) for score in (None, 0.1, 0.7)}

    assert tags == {None: ["c0", "c1"], 0.1: ["c0", "c1"], 0.7: ["c0"]}


@pytest.mark.parametrize("head", HEADS)
def test_half_precision_features_give_finite_float32_logits(head: str) -> None:
    made = task(LEVELS, taxonomy(5), head=head, width=16).eval()
    with torch.autocast("cpu", torch.bfloat16):
        raw = made({level: 20 * value for level, value in features().items()})

    assert raw.dtype == torch.float32 and raw.isfinite().all()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"codes": {"refine": {"operator": "mul", "where": "wh"}}}, "speak of anchors"),
        ({"codes": {"align": {"operator": "add", "per_anchor": True}}}, "speak of anchors"),
        ({"head": "query", "width": 30, "heads": 4}, "heads must divide width"),
        ({"sharpness": 0.0}, "greater than 0"),
        ({"margn": 0.1}, "margn"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Options.model_validate(options)


def test_a_data_set_without_categories_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one category"):
        task(LEVELS, taxonomy(0))
