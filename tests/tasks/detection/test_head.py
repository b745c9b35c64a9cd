"""The head: layout, codes in their places, and the prior on the biases."""

from __future__ import annotations

import math

import pytest
import torch

from tasks.detection import task
from tasks.detection.head import Head, add_prior
from unified.data.sample import Taxonomy
from unified.model.code_spec import CodeSpec, Where
from unified.model.fold import fold
from unified.task import Levels

CHANNELS = {"p3": 6, "p4": 8}
STRIDES = {"p3": 8, "p4": 16}


def make_head(align: CodeSpec | None = None, refine: CodeSpec | None = None, classes: int = 3) -> Head:
    return Head(CHANNELS, STRIDES, anchors=2, classes=classes, align=align, refine=refine)


def make_features() -> dict[str, torch.Tensor]:
    return {"p3": torch.randn(2, 6, 4, 5), "p4": torch.randn(2, 8, 2, 3)}


@pytest.mark.parametrize("align", [None, CodeSpec(operator="add")])
@pytest.mark.parametrize("refine", [None, CodeSpec(operator="mul")])
def test_one_map_a_level_with_and_without_codes(align: CodeSpec | None, refine: CodeSpec | None) -> None:
    head = make_head(align, refine)
    assert [tuple(level.shape) for level in head(make_features())] == [(2, 16, 4, 5), (2, 16, 2, 3)]
    places = ["align"] * (align is not None) + ["refine"] * (refine is not None)
    assert list(head.codes()) == [f"{place}/{level}" for place in places for level in CHANNELS]


def test_codes_are_the_paper_s_by_default(levels: Levels, taxonomy: Taxonomy) -> None:
    """One added vector of the head's width a level, and one factor for every output (§5.1 to §5.3)."""
    codes = task(levels, taxonomy).codes()
    sizes = {place: sum(p.numel() for p in code.parameters()) for place, code in codes.items()}
    outputs = 3 * (5 + 3)
    assert sizes == {f"align/{level}": c for level, c in levels.channels.items()} | {
        f"refine/{level}": outputs for level in levels.channels
    }


@pytest.mark.parametrize(
    ("where", "touched"),
    [("all", range(8)), ("xy", [0, 1]), ("wh", [2, 3]), ("obj", [4]), ("cls", [5, 6, 7])],
)
def test_refinement_acts_on_the_named_outputs_of_every_anchor(where: Where, touched: list[int]) -> None:
    head = make_head(refine=CodeSpec(operator="mul", where=where))
    features = make_features()
    before = head(features)[0]
    for parameter in head.codes()["refine/p3"].parameters():
        torch.nn.init.constant_(parameter, 7.0)

    moved = (head(features)[0] != before).view(2, 2, 8, -1).any(-1)

    assert moved.all(0).all(0).nonzero().flatten().tolist() == list(touched)
    assert moved.any(0).any(0).sum() == len(list(touched))


def test_a_code_per_anchor_shifts_only_its_own_anchor() -> None:
    head = make_head(align=CodeSpec(operator="add", per_anchor=True))
    code = head.codes()["align/p3"]
    (z,) = code.parameters()
    assert z.numel() == 2 * CHANNELS["p3"]
    features = make_features()
    before = head(features)[0]
    with torch.no_grad():
        z[:, CHANNELS["p3"] :] += 1

    moved = (head(features)[0] != before).view(2, 2, -1).any(-1)

    assert moved.tolist() == [[False, True], [False, True]]


@pytest.mark.parametrize("align", [None, CodeSpec(operator="add", per_anchor=True), CodeSpec(operator="concat")])
@pytest.mark.parametrize("refine", [None, CodeSpec(operator="mul", where="wh")])
def test_a_folded_head_is_plain_and_equal(align: CodeSpec | None, refine: CodeSpec | None) -> None:
    head, features = make_head(align, refine).double(), {k: v.double() for k, v in make_features().items()}
    folded = fold(head)
    assert folded.codes() == {}
    assert sum(p.numel() for p in folded.parameters()) == sum((c + 1) * 16 for c in CHANNELS.values())
    for a, b in zip(head(features), folded(features), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("classes", [1, 3, 80])
def test_the_prior_is_eight_objects_a_picture_on_every_level(classes: int) -> None:
    bias = torch.zeros(2 * (5 + classes))
    add_prior(bias, stride=16, anchors=2)
    view = bias.view(2, 5 + classes)
    assert (view[:, :4] == 0).all()
    assert view[:, 4].tolist() == pytest.approx([math.log(8 / 40**2)] * 2)
    assert view[:, 5:].flatten().tolist() == pytest.approx([math.log(0.6 / (classes - 0.99))] * 2 * classes)


def test_the_prior_is_set_with_and_without_codes() -> None:
    """The published code left it out where there were no codes."""
    for refine in (None, CodeSpec(operator="mul")):
        objectness = make_head(refine=refine)(make_features())[0].view(2, 2, 8, -1)[:, :, 4].sigmoid()
        assert objectness.mean() < 0.02


def test_outputs_are_named_in_the_order_of_the_channels(levels: Levels, taxonomy: Taxonomy) -> None:
    detection = task(levels, taxonomy)
    level = next(iter(levels.channels))
    named = detection.outputs(f"refine/{level}")
    ones = len(taxonomy) + 5
    assert [output.name for output in named[:ones]] == ["x", "y", "w", "h", "obj", *taxonomy.categories]
    assert [output.part for output in named[:6]] == ["xy", "xy", "wh", "wh", "obj", "classes"]
    (w, h) = levels.anchors[level][1]
    assert named[ones].anchor == f"2 ({w:.0f}×{h:.0f})" != named[0].anchor
    assert detection.outputs(f"align/{level}") == []
