"""The table of trunks: names, suffixes, and that its numbers fit together."""

from __future__ import annotations

import pytest

from unified.errors import ConfigError
from unified.model.spec import TrunkSpec
from unified.model.variants import names, spec

EXPECTED = (
    "yolov4-csp yolov4-csp-fast yolov4-p6-light yolov4-p5 yolov4-p6 yolov4-p7 yolor-csp yolor-csp-x yolor-sss "
    "yolor-ssss yolor-p6 yolor-w6 yolor-e6 yolor-d6 u5r5-s u5r5-s6 u5r5-m6 u5r5-l6 u5r5-x6 yolor-n yolor-t"
)

# Of dialect D: what the paper counts in Tables 7 and A2 (P6, W6), and the models published as darknet cfg only.
PAPER_D = {"yolov4-csp", "yolov4-csp-fast", "yolov4-p6-light", "yolor-csp", "yolor-csp-x", "yolor-p6", "yolor-w6"}
OURS = {"yolor-n", "yolor-t"}


@pytest.fixture(params=names())
def trunk(request: pytest.FixtureRequest) -> TrunkSpec:
    return spec(request.param)


def test_every_model_is_there() -> None:
    assert names() == tuple(EXPECTED.split())


def test_the_default_dialect_is_the_one_of_the_papers_numbers() -> None:
    assert {name for name in names() if spec(name).dialect == "D"} == PAPER_D | OURS


def test_yolov4_is_mish_and_the_rest_silu(trunk: TrunkSpec) -> None:
    assert trunk.activation == ("mish" if trunk.name.startswith("yolov4") else "silu")


def test_numbers_fit_together(trunk: TrunkSpec) -> None:
    assert len(trunk.widths) == len(trunk.depths)
    assert len(trunk.neck) == len(trunk.anchors) == len(trunk.heads or trunk.neck)
    assert trunk.stem_stride in (2 ** (trunk.first_stage - 1), 2**trunk.first_stage)
    assert trunk.size % max(trunk.strides.values()) == 0
    assert len({len(level) for level in trunk.anchors}) == 1


def test_anchors_grow_with_the_stride(trunk: TrunkSpec) -> None:
    areas = [sum(w * h for w, h in level) for level in trunk.anchors]
    assert areas == sorted(areas)


@pytest.mark.parametrize("name", ["yolor-p6:T", "yolor-e6:D", "yolor-ssss-dwt", "yolor-ssss-dwt:D", "yolov4-csp"])
def test_a_spec_is_found_again_by_its_own_name(name: str) -> None:
    assert spec(name).name == name
    assert spec(spec(name).name) == spec(name)


def test_naming_the_default_dialect_or_stem_changes_nothing() -> None:
    assert spec("yolor-p6:D") == spec("yolor-p6")
    assert spec("yolor-ssss-s2d:T") == spec("yolor-ssss")


def test_suffixes_choose_dialect_and_stem() -> None:
    assert spec("yolor-p6:T").dialect == "T"
    assert spec("yolor-ssss-dwt").shuffle == "dwt"
    assert spec("yolov4-csp-fast-dwt:T").shuffle == "dwt"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("yolor-p7", "did you mean"),
        ("yolor_csp", "'yolor-csp'"),
        ("", "allowed: "),
        ("yolor-p6:X", "yolor-p6:D and yolor-p6:T"),
        ("yolor-p6:", "yolor-p6:D and yolor-p6:T"),
        ("yolor-csp-dwt", "starts with a convolution"),
    ],
)
def test_an_unknown_name_is_refused_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=hint):
        spec(name)
