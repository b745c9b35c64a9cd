"""Decoded boxes and the loss of whole published models equal those of the published code (float64, formula weights)."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from tasks.detection import Detection
from tasks.detection.decode import decode_maps
from unified.build import from_reference
from unified.model.blocks import Activation
from unified.model.multitask import MultiTaskModel
from unified.ops.boxes import cxcywh_to_xyxy

pytestmark = pytest.mark.slow

MODELS: list[tuple[str, str, Activation | None]] = [
    ("yolor_csp", "yolor-csp", None),
    ("yolov4_csp", "yolov4-csp", "silu"),  # as published; the paper says Mish
    ("yolor_p6_yaml", "yolor-p6", None),
    ("yolor_ssss_s2d_yaml", "yolor-ssss", None),
]


@pytest.fixture
def formulas(parity: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("parity_weights", parity / "parity_weights.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build(golden: dict[str, Any], formulas: ModuleType, name: str, activation: Activation | None) -> MultiTaskModel:
    sizes = torch.tensor(golden["anchors"])
    own = {
        "anchors": sizes / torch.tensor(golden["strides"]).view(-1, 1, 1),
        "anchor_grid": sizes.view(len(sizes), 1, -1, 1, 1, 2),
    }
    state: dict[str, Tensor] = {}
    for key, shape in golden["state_dict"]:
        array = formulas.tensor(key, shape)
        state[key] = own[key.rsplit(".", 1)[-1]] if array is None else torch.from_numpy(array)
    return from_reference(name, state, activation=activation).double()


def detection_of(model: MultiTaskModel) -> Detection:
    task = model.task("detection")
    assert isinstance(task, Detection)
    return task


@pytest.mark.parametrize(("file", "name", "activation"), MODELS)
@torch.no_grad()
def test_decoded_boxes(file: str, name: str, activation: Activation | None, parity: Path, formulas: ModuleType) -> None:
    golden = json.loads((parity / f"{file}.json").read_text())
    model = build(golden, formulas, name, activation)
    detection = detection_of(model)
    image = torch.from_numpy(formulas.image(*golden["input"]["shape"][2:], 1)).double()

    decoded = decode_maps(model(image)["detection"], detection.anchors, detection.strides)

    wanted = golden["decoded"]
    assert list(decoded.shape) == wanted["shape"]
    found = decoded.flatten()[wanted["samples"]["index"]]
    values = torch.tensor(wanted["samples"]["value"], dtype=torch.float64)
    # Nine significant digits are stored, and boxes have up to four before the point.
    torch.testing.assert_close(found, values, rtol=1e-8, atol=1e-6 * wanted["std"])
    assert decoded.mean().item() == pytest.approx(wanted["mean"], rel=1e-7)
    assert decoded.max().item() == pytest.approx(wanted["max"], rel=1e-7)


@torch.no_grad()
def test_loss_of_yolor_csp(parity: Path, formulas: ModuleType) -> None:
    golden = json.loads((parity / "yolor_csp.json").read_text())
    case = json.loads((parity / "loss_yolor_csp.json").read_text())["cases"][0]
    assert case["name"] == "model_plain"
    model = build(golden, formulas, "yolor-csp", None)
    images = torch.cat([torch.from_numpy(formulas.image(192, 256, seed)) for seed in (1, 2)]).double()
    rows = torch.tensor(case["targets"], dtype=torch.float64)
    target = {
        "labelled": torch.ones(2, dtype=torch.bool),
        "boxes": cxcywh_to_xyxy(rows[:, 2:] * torch.tensor([256, 192, 256, 192])),
        "categories": rows[:, 1].long(),
        "image": rows[:, 0].long(),
        "crowd": torch.zeros(0, 4),
        "crowd_image": torch.zeros(0).long(),
    }

    parts = model(images, {"detection": target})["detection"]

    expected = case["expected"]["before_gains"]
    assert {part: value.item() for part, value in parts.items()} == pytest.approx(expected, rel=1e-6)
