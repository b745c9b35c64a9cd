"""A planted truth: boxes that are a known factor larger than their anchors are found again in the (w, h) codes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from analysis.refinement import points_of
from analysis.subject import Code, codes_of
from tasks.detection import Detection, task
from unified.data.sample import Labels, Objects, Record, Sample, Taxonomy
from unified.model.multitask import MultiTaskModel
from unified.model.places import CodedConv
from unified.ops.frame import Frame
from unified.task import Levels

SIDE, PICTURES = 256, 4
SIGMA = 0.02  # of the codes' start
LEVELS = Levels({"p3": 4, "p4": 4}, {"p3": 8, "p4": 16}, {"p3": [(6.0, 6.0)], "p4": [(60.0, 60.0)]})
RAW = 1.0  # what the convolution says for w and h, whatever the picture: a box of (2σ(1))² = 2.14 anchors
UNREFINED = float((2 * torch.sigmoid(torch.tensor(RAW))) ** 2)
FACTORS = {"p3": (3.2, 1.3), "p4": (UNREFINED, UNREFINED)}  # planted (w, h) over the anchor; p4 needs no refinement


def planted_sample(number: int) -> Sample:
    """Small and large boxes in the middle of cells."""
    boxes = []
    for level, (fw, fh) in FACTORS.items():
        stride, ((aw, ah),) = LEVELS.strides[level], LEVELS.anchors[level]
        for x, y in ((40, 200), (140, 120), (200, 60)):
            cx, cy = ((v + number * stride) // stride % (SIDE // stride) * stride + stride / 2 for v in (x, y))
            boxes.append((cx - fw * aw / 2, cy - fh * ah / 2, cx + fw * aw / 2, cy + fh * ah / 2))
    labels = Labels(Objects.make(torch.tensor(boxes), torch.zeros(len(boxes), dtype=torch.long), (SIDE, SIDE)))
    record = Record(number, Path(), (SIDE, SIDE), labels)
    return Sample(torch.zeros(3, SIDE, SIDE, dtype=torch.uint8), labels, Frame.identity((SIDE, SIDE)), record)


def blind_detection() -> Detection:
    """A head whose convolutions say the same everywhere: the refinement codes are all it can learn with."""
    refine = {"operator": "mul", "sigma": SIGMA}
    codes = {"align": None, "refine": refine}
    detection = task(LEVELS, Taxonomy(("thing",), (1,)), codes=codes, anchors="trunk", balance=[1.0, 1.0])
    for predict in detection.head.predict.values():
        assert isinstance(predict, CodedConv) and predict.conv.bias is not None
        predict.conv.weight.data.zero_()
        predict.conv.bias.data[:] = torch.tensor([0.0, 0, RAW, RAW, 0, 0])
        predict.conv.requires_grad_(False)
    return detection


@pytest.fixture(scope="module")
def learnt() -> tuple[dict[str, Code], dict[str, Code]]:
    """The codes before and after learning from the planted boxes, by level."""
    torch.manual_seed(0)
    start, detection = blind_detection(), blind_detection()
    detection.load_state_dict(start.state_dict())
    target = detection.encode([planted_sample(i) for i in range(PICTURES)])
    features = {level: torch.zeros(PICTURES, 4, SIDE // s, SIDE // s) for level, s in LEVELS.strides.items()}
    optimizer = torch.optim.Adam([p for p in detection.parameters() if p.requires_grad], lr=0.03)
    for _ in range(120):
        optimizer.zero_grad()
        detection.loss(detection(features), target)["box"].backward()
        optimizer.step()
    both = (MultiTaskModel(torch.nn.Identity(), {"detection": model}) for model in (start, detection))
    before, after = ({code.level: code for code in codes_of(model, "planted")} for model in both)
    return before, after


def factors(code: Code) -> dict[str, float]:
    """What the values that the plot shows make of an anchor's sides."""
    shown = {name: value for part, name, _, value in points_of(code) if part == "wh"}
    return {name: float((2 * torch.sigmoid(torch.tensor(g * RAW))) ** 2) for name, g in shown.items()}


def test_the_codes_of_width_and_height_recover_the_planted_factor(learnt: tuple[dict[str, Code], ...]) -> None:
    w, h = FACTORS["p3"]
    assert factors(learnt[1]["p3"]) == {"w": pytest.approx(w, rel=0.1), "h": pytest.approx(h, rel=0.1)}
    assert abs(factors(learnt[0]["p3"])["w"] - w) > 0.1 * w


def test_where_no_shift_is_needed_the_code_stays_within_noise_of_its_start(
    learnt: tuple[dict[str, Code], ...],
) -> None:
    before, after = ({name: v for part, name, _, v in points_of(codes["p4"]) if part == "wh"} for codes in learnt)
    for name, value in after.items():
        assert abs(value - before[name]) < 3 * SIGMA and abs(value - 1) < 3 * SIGMA
