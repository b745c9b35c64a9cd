"""Published weights: every key of both layouts is understood, and what does not fit is named."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from unified.errors import CheckpointError, ConfigError
from unified.model.reference import translate
from unified.model.reference_layouts import cfg_places, yaml_places
from unified.model.spec import Anchors
from unified.model.trunk import Trunk
from unified.model.variants import spec

State = dict[str, Tensor]

# Of every published state dict: the number of tensors, and a digest of their names and shapes (see `digest`). The
# paper's CSP-fast, P6-light and SSS were never published; theirs are reconstructions that match its parameter counts.
PUBLISHED = [
    ("u5r5-l6:T", False, 832, "d77e29b3bc66334b"),
    ("u5r5-m6:T", False, 652, "31160c8c70bd7b9f"),
    ("u5r5-s:T", False, 362, "43a02518a3219544"),
    ("u5r5-s6:T", False, 472, "901e274297e2ffdf"),
    ("u5r5-x6:T", False, 1012, "f485453456beff64"),
    ("yolor-csp:D", True, 684, "aaa20909e20d9bbf"),
    ("yolov4-csp-fast:D", True, 678, "df812fce55792b46"),
    ("yolor-csp-x:D", True, 816, "cc9329b4474c09d9"),
    ("yolor-d6:T", True, 1248, "ff17bc509c5db3c9"),
    ("yolor-e6:T", True, 960, "02861d0b37c144dd"),
    ("yolor-p6:D", True, 862, "218485af6095ead9"),
    ("yolor-p6:T", True, 864, "f9f19dc2a27d7eb9"),
    ("yolor-sss:T", True, 420, "48112ce2c0989604"),
    ("yolor-ssss-dwt:T", True, 395, "b31178796195a223"),
    ("yolor-ssss:T", True, 383, "b320e64fb8cacc84"),
    ("yolor-w6:D", True, 862, "bc95822d116fb59c"),
    ("yolor-w6:T", True, 864, "33d863af6fdeb773"),
    ("yolov4-csp:D", False, 678, "b5ae04c2d2fd51c9"),
    ("yolov4-csp:T", False, 660, "d682bbc70da3cdf2"),
    ("yolov4-csp-fast:D", False, 672, "56fa4c06a5e83760"),
    ("yolor-csp-x:D", False, 810, "40a457b8603665f3"),
    ("yolov4-p5:T", False, 943, "6ebdf42958d06e26"),
    ("yolov4-p6:D", False, 1214, "4e4bbc7c4df2500e"),
    ("yolov4-p6:T", False, 1186, "8c36f45b9da6cb56"),
    ("yolov4-p6-light:D", False, 854, "14c173881ccf4e52"),
    ("yolov4-p7:D", False, 1462, "5e1704234b4ffdf1"),
    ("yolov4-p7:T", False, 1429, "8dd838c6c43fd920"),
]


def published_state(name: str, *, codes: bool = True, classes: int = 80) -> State:
    """Zeros in the shapes of a published state dict, built from our own idea of its layout."""
    found = spec(name)
    trunk = Trunk.from_spec(found)
    layout = cfg_places if found.dialect == "D" else yaml_places
    places = layout(trunk, align=codes, refine=codes)
    own = trunk.state_dict()
    state = {theirs: own[ours] for theirs, ours in places.trunk.items()}
    outputs = len(found.anchors[0]) * (5 + classes)
    for i, channels in enumerate(found.channels.values()):
        state[f"{places.predict[i]}weight"] = torch.zeros(outputs, channels, 1, 1)
        state[f"{places.predict[i]}bias"] = torch.zeros(outputs)
        if codes:
            state[places.align[i]] = torch.full((1, channels, 1, 1), 0.5)
            state[places.refine[i]] = torch.ones(1, outputs, 1, 1)
    if places.anchors is not None:
        state[places.anchors] = torch.tensor(found.anchors).float().view(len(found.anchors), 1, -1, 1, 1, 2)
        for key in places.constants:
            state[key] = torch.zeros(constant_shape(key, found.anchors))
    return state


def constant_shape(key: str, anchors: Anchors) -> tuple[int, ...]:
    if key.endswith(".anchors"):
        return len(anchors), len(anchors[0]), 2
    return (1, 1, 2, 1) if key.endswith("col") else (1, 1, 1, 2)


def digest(state: State) -> str:
    lines = sorted(f"{key} {tuple(value.shape)}" for key, value in state.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


@pytest.fixture(scope="module")
def ssss() -> State:
    return published_state("yolor-ssss")


@pytest.fixture(scope="module")
def csp() -> State:
    return published_state("yolor-csp")


@pytest.mark.parametrize(("name", "codes", "tensors", "expected"), PUBLISHED)
def test_names_and_shapes_are_those_of_the_published_files(name: str, codes: bool, tensors: int, expected: str) -> None:
    with torch.device("meta"):
        state = published_state(name, codes=codes)
    assert len(state) == tensors
    assert digest(state) == expected
    translation = translate(name.partition(":")[0], state)
    with torch.device("meta"):
        Trunk.from_spec(translation.spec).load_state_dict(dict(translation.trunk), strict=True)
    assert translation.spec == spec(name)
    assert (translation.align is not None) == (translation.refine is not None) == codes


def test_codes_predictions_and_anchors_come_by_level(ssss: State) -> None:
    translation = translate("yolor-ssss", ssss)
    assert translation.align is not None and translation.refine is not None and translation.anchors is not None
    assert {level: len(code) for level, code in translation.align.items()} == {"p3": 128, "p4": 256, "p5": 512}
    assert all(code.shape == (255,) for code in translation.refine.values())
    assert translation.predict["p4"][0].shape == (255, 256, 1, 1)
    assert translation.anchors["p3"].tolist() == [[12, 16], [19, 36], [40, 28]]


def test_the_number_of_classes_is_read_off() -> None:
    assert translate("yolor-ssss", published_state("yolor-ssss", classes=3)).predict["p5"][1].shape == (24,)


@pytest.mark.parametrize("kept", ["align", "refine"])
def test_a_cfg_with_one_kind_of_codes_is_understood(kept: str) -> None:
    state = published_state("yolor-csp", codes=False)
    trunk = Trunk.from_spec(spec("yolor-csp"))
    plain = cfg_places(trunk, align=False, refine=False)
    coded = cfg_places(trunk, align=kept == "align", refine=kept == "refine")
    keys = dict(zip(plain.trunk, coded.trunk, strict=True))
    keys |= {
        f"{p}{end}": f"{c}{end}"
        for p, c in zip(plain.predict, coded.predict, strict=True)
        for end in ("weight", "bias")
    }
    moved = {keys[key]: value for key, value in state.items()}
    widths = (256, 512, 1024) if kept == "align" else (255, 255, 255)
    for key, width in zip(coded.align or coded.refine, widths, strict=True):
        moved[key] = torch.zeros(1, width, 1, 1)
    translation = translate("yolor-csp", moved)
    assert (translation.align is not None, translation.refine is not None) == (kept == "align", kept == "refine")


def test_the_dialect_is_read_off_the_keys() -> None:
    assert translate("yolor-ssss", published_state("yolor-ssss:D")).spec.name == "yolor-ssss:D"


def test_the_wavelet_stem_is_read_off_the_filters() -> None:
    state = published_state("yolor-ssss-dwt")
    for name in ("yolor-ssss", "yolor-ssss-dwt"):
        assert translate(name, state).spec.name == "yolor-ssss-dwt"


def test_half_precision_becomes_float32(ssss: State) -> None:
    half = {key: value.half() if value.is_floating_point() else value for key, value in ssss.items()}
    translation = translate("yolor-ssss", half)
    assert {value.dtype for value in translation.trunk.values()} == {torch.float32, torch.int64}


def test_the_activation_can_be_replaced(csp: State) -> None:
    assert translate("yolor-csp", csp, activation="mish").spec.activation == "mish"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            lambda s: s.pop("model.3.m.1.cv2.bn.running_var"),
            r"missing +model.3.m.1.cv2.bn.running_var \(64,\) \(backbone.b3",
        ),
        (lambda s: s.pop("model.28.im.1.implicit"), "missing +model.28.im.1.implicit"),
        (lambda s: s.pop("model.28.m.0.bias"), "missing +model.28.m.0.bias"),
        (lambda s: s.pop("model.28.anchors"), "missing +model.28.anchors"),
        (lambda s: s.update({"model.99.conv.weight": torch.zeros(1)}), r"unexpected +model.99.conv.weight \(1,\)"),
        (
            lambda s: s.update({"model.4.conv.weight": torch.zeros(256, 128, 1, 1)}),
            r"model.4.conv.weight: got \(256, 128, 1, 1\), expected \(256, 128, 3, 3\) \(backbone.b4.down",
        ),
        (lambda s: s.update({"model.28.m.1.bias": torch.zeros(24)}), "model.28.m.1.bias: got .24,., expected .255,."),
    ],
)
def test_anything_that_does_not_fit_is_listed(change: Callable[[State], object], complaint: str, ssss: State) -> None:
    state = dict(ssss)
    change(state)
    with pytest.raises(CheckpointError, match=complaint):
        translate("yolor-ssss", state)


def test_a_missing_code_of_a_cfg_is_named(csp: State) -> None:
    state = {key: value for key, value in csp.items() if key != "module_list.166.implicit"}
    with pytest.raises(CheckpointError, match=r"missing +module_list.166.implicit \(1, 1024, 1, 1\)"):
        translate("yolor-csp", state)


def test_a_long_list_is_cut() -> None:
    with pytest.raises(CheckpointError, match=r"and [0-9]+ more"):
        translate("yolor-sss", published_state("yolor-ssss"))


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("yolor-ssss:D", "asks for dialect D"),
        ("yolor-ssss-dwt", "import it as yolor-ssss$"),
        ("yolor-csp-x", "never published in the yaml layout"),
    ],
)
def test_a_name_against_the_keys_is_refused(name: str, complaint: str, ssss: State) -> None:
    with pytest.raises(CheckpointError, match=complaint):
        translate(name, ssss)


def test_foreign_state_dicts_are_refused() -> None:
    for state in ({}, {"backbone.conv.weight": torch.zeros(1)}):
        with pytest.raises(CheckpointError, match=r"module_list\.N"):
            translate("yolor-csp", state)
    with pytest.raises(ConfigError, match="did you mean"):
        translate("yolor_csp", {})
