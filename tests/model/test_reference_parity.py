"""Published weights: features, raw maps and boxes equal the numbers of the published code, where those are at hand."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unified.model.blocks import Activation
from unified.model.reference import Translation, translate
from unified.model.trunk import Trunk


class Reference(nn.Module):
    """Trunk and head with the weights of a translation; in float64, as the golden numbers."""

    def __init__(self, translation: Translation) -> None:
        super().__init__()
        self.trunk = Trunk.from_spec(translation.spec)
        self.trunk.load_state_dict(dict(translation.trunk))
        self.translation = translation
        self.double().eval()

    def forward(self, images: Tensor) -> list[Tensor]:
        t, raw = self.translation, []
        for level, x in self.trunk(images).items():
            weight, bias = (tensor.double() for tensor in t.predict[level])
            aligned = x if t.align is None else x + t.align[level].double().view(1, -1, 1, 1)
            y = F.conv2d(aligned, weight, bias)
            if t.refine is not None:
                y = y * t.refine[level].double().view(1, -1, 1, 1)
            raw.append(y)
        return raw


def by_anchor(raw: Tensor, anchors: int) -> Tensor:
    """(B, A·(5+K), H, W) → (B, A, H, W, 5+K)."""
    batch, outputs, height, width = raw.shape
    return raw.view(batch, anchors, outputs // anchors, height, width).permute(0, 1, 3, 4, 2)


def decode(raw: Tensor, stride: int, anchors: list[list[float]]) -> Tensor:
    """(B, A·H·W, 5+K): centre, size in pixels, objectness, classes."""
    y = by_anchor(raw, len(anchors)).sigmoid()
    rows, columns = torch.meshgrid(torch.arange(y.shape[2]), torch.arange(y.shape[3]), indexing="ij")
    xy = (2 * y[..., :2] - 0.5 + torch.stack([columns, rows], dim=-1)) * stride
    wh = (2 * y[..., 2:4]) ** 2 * torch.tensor(anchors, dtype=y.dtype).view(-1, 1, 1, 2)
    return torch.cat([xy, wh, y[..., 4:]], dim=-1).flatten(1, 3)


def assert_golden(got: Tensor, golden: dict[str, Any], what: str) -> None:
    """Samples and statistics within 1e-6 of the tensor's standard deviation."""
    assert list(got.shape) == golden["shape"], what
    values = got.flatten()[torch.tensor(golden["samples"]["index"])]
    expected = torch.tensor(golden["samples"]["value"], dtype=torch.float64)
    assert (values - expected).abs().max() < 1e-6 * golden["std"], what
    statistics = {"mean": got.mean(), "std": got.std(correction=0), "min": got.min(), "max": got.max()}
    for name, value in statistics.items():
        assert abs(value.item() - golden[name]) < 1e-6 * golden["std"], f"{name} of {what}"


@pytest.mark.parametrize(
    ("file", "name", "activation"),
    [
        ("yolor_ssss_s2d_yaml", "yolor-ssss", None),
        ("yolor_p6_yaml", "yolor-p6", None),
        ("yolor_csp", "yolor-csp", None),
        pytest.param("yolov4_csp", "yolov4-csp", "silu", marks=pytest.mark.slow),
    ],
)
def test_features_raw_maps_and_boxes_equal_the_published_code(
    file: str, name: str, activation: Activation | None, parity: Path
) -> None:
    golden = json.loads((parity / f"{file}.json").read_text())
    weights = load_module(parity / "parity_weights.py")
    arrays = {key: weights.tensor(key, shape) for key, shape in golden["state_dict"]}
    shapes = dict(golden["state_dict"])
    state = {k: torch.zeros(shapes[k]) if array is None else torch.as_tensor(array) for k, array in arrays.items()}
    model = Reference(translate(name, state, activation=activation))
    outputs: dict[str, Tensor] = {}
    for stage in model.trunk.stages:
        module = model.trunk.get_submodule(stage.path)
        module.register_forward_hook(lambda _, __, output, name=stage.name: outputs.__setitem__(name, output))
    images = torch.from_numpy(weights.image(*golden["input"]["shape"][2:], 1)).double()
    with torch.no_grad():
        raw = model(images)
    for feature in golden["features"]:
        assert_golden(outputs[feature["stage"]], feature, feature["stage"])
    for x, level in zip(raw, golden["raw"], strict=True):
        assert_golden(by_anchor(x, 3), level, f"raw {level['level']}")
    boxes = [decode(x, s, a) for x, s, a in zip(raw, golden["strides"], golden["anchors"], strict=True)]
    assert_golden(torch.cat(boxes, dim=1), golden["decoded"], "decoded")


def load_module(path: Path) -> Any:
    """A Python file that is on no import path."""
    found = importlib.util.spec_from_file_location(path.stem, path)
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module
