"""The loss equals that of the published YOLOR code (github.com/WongKinYiu/yolor at 3ca250a, yolor_csp at 256 × 192).

The raw maps are made by a formula, the numbers were computed by that code in float64. Where its two branches differ, on
centres exactly on a cell boundary, the ones of `main` are meant.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tasks.detection import Detection, task
from unified.data.sample import Taxonomy
from unified.ops.boxes import cxcywh_to_xyxy
from unified.task import Levels, Target

WIDTH, HEIGHT, CLASSES = 256, 192, 80
LEVELS = Levels(
    channels={"p3": 4, "p4": 4, "p5": 4},
    strides={"p3": 8, "p4": 16, "p5": 32},
    anchors={
        "p3": ((12, 16), (19, 36), (40, 28)),
        "p4": ((36, 75), (76, 55), (72, 146)),
        "p5": ((142, 110), (192, 243), (459, 401)),
    },
)

# Rows of image, category, x, y, w, h (centre and size in shares of the input); then the parts before gains.
PLAIN = [
    (0, 42, 0.4512, 0.7531, 0.3972, 0.1259),
    (0, 41, 0.0888, 0.8852, 0.0509, 0.153),
    (0, 1, 0.7586, 0.2651, 0.4165, 0.1442),
    (0, 7, 0.601, 0.6317, 0.0357, 0.1804),
    (0, 8, 0.2923, 0.3159, 0.0312, 0.2161),
    (0, 17, 0.1086, 0.4761, 0.1445, 0.1163),
    (0, 11, 0.5503, 0.8334, 0.4227, 0.0773),
    (1, 14, 0.8706, 0.3388, 0.0438, 0.6045),
    (1, 12, 0.6768, 0.6893, 0.0384, 0.3271),
    (1, 44, 0.8062, 0.121, 0.1045, 0.0881),
    (1, 39, 0.581, 0.4621, 0.0513, 0.7695),
    (1, 38, 0.6156, 0.135, 0.3286, 0.0493),
]
EDGE = [
    (0, 3, 0.5, 0.5, 0.2, 0.3),  # on a cell boundary, and the next one the same box of another class
    (0, 17, 0.5, 0.5, 0.2, 0.3),
    (0, 0, 0.008, 0.011, 0.015, 0.02),
    (0, 79, 0.992, 0.99, 0.016, 0.02),
    (0, 5, 0.03, 0.6, 0.06, 0.5),
    (0, 6, 0.97, 0.4, 0.06, 0.5),
    (1, 7, 0.5, 0.5, 0.98, 0.97),
    (1, 8, 0.25, 0.25, 0.004, 0.004),  # too small for any anchor
    (1, 9, 0.515625, 0.3, 0.1, 0.1),
    (1, 9, 0.375, 0.71, 0.1, 0.12),
]
CASES = {
    "plain": (PLAIN, {"box": 3.1245635, "obj": 6.43483322, "cls": 3.59254825}),
    "edge": (EDGE, {"box": 3.04988494, "obj": 6.43078149, "cls": 3.63216655}),
    "empty": ([], {"box": 0.0, "obj": 6.4315324, "cls": 0.0}),
}


@pytest.fixture
def detection() -> Detection:
    names = tuple(str(k) for k in range(CLASSES))
    return task(LEVELS, Taxonomy(names, tuple(range(CLASSES))), anchors="trunk").double()


def formula_maps() -> list[Tensor]:
    """Raw maps of two pictures, uniform in (-4, 4), from the raw bits of a generator."""
    maps = []
    for level, stride in LEVELS.strides.items():
        shape = (2, 3, HEIGHT // stride, WIDTH // stride, 5 + CLASSES)
        generator = np.random.PCG64(zlib.crc32(f"prediction/yolor_csp-{level.upper()}".encode()))
        uniform = (generator.random_raw(int(np.prod(shape))) >> np.uint64(11)).astype(np.float64) * 2.0**-53
        values = torch.from_numpy((8 * uniform - 4).astype(np.float32)).double().reshape(shape)
        maps.append(values.permute(0, 1, 4, 2, 3).flatten(1, 2))
    return maps


def make_target(rows: list[Any]) -> Target:
    table = torch.tensor(rows, dtype=torch.float64).reshape(-1, 6)
    return {
        "labelled": torch.ones(2, dtype=torch.bool),
        "boxes": cxcywh_to_xyxy(table[:, 2:] * torch.tensor([WIDTH, HEIGHT, WIDTH, HEIGHT])),
        "categories": table[:, 1].long(),
        "image": table[:, 0].long(),
        "crowd": torch.zeros(0, 4),
        "crowd_image": torch.zeros(0).long(),
    }


@pytest.mark.parametrize("case", list(CASES))
def test_parts_equal_the_published_code(detection: Detection, case: str) -> None:
    rows, expected = CASES[case]
    parts = detection.criterion(formula_maps(), make_target(rows), detection.anchors)
    assert {part: value.item() for part, value in parts.items()} == pytest.approx(expected, rel=1e-6)


def test_parts_and_weighted_parts_equal_every_case_of_the_parity_file(parity: Path) -> None:
    golden = json.loads((parity / "loss_yolor_csp.json").read_text())
    cases = [case for case in golden["cases"] if case["predictions"] == "formula"]
    assert len(cases) == len(CASES)
    taxonomy = Taxonomy(tuple(map(str, range(CLASSES))), tuple(range(CLASSES)))
    for name, hyp in golden["hyp"].items():
        gains = {part: hyp[part] for part in ("box", "obj", "cls")}
        detection = task(LEVELS, taxonomy, gains=gains, anchor_t=hyp["anchor_t"], focal_gamma=hyp["fl_gamma"]).double()
        for case in cases:
            expected = case["expected"] if case["branches_agree"] else case["expected"]["main (D)"]

            parts = detection.criterion(formula_maps(), make_target(case["targets"]), detection.anchors)

            found = {part: value.item() for part, value in parts.items()}
            assert found == pytest.approx(expected["before_gains"], rel=1e-6), case["name"]
            weighted = {part: detection.gains[part] * value for part, value in found.items()}
            after = {part: expected["after_gains"][name][part] for part in weighted}
            assert weighted == pytest.approx(after, rel=1e-6), case["name"]
