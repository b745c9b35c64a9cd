"""The trunks as numbers: every model of the paper's Tables 7, A1, A2 and A3, and two small ones of our own.

`spec("yolor-p6")` gives a model in the dialect in which the paper's numbers hold; `spec("yolor-p6:T")` chooses the
dialect, `spec("yolor-ssss-dwt")` the wavelet stem. Further variants are `dataclasses.replace(spec(...), ...)`.
"""

from __future__ import annotations

from dataclasses import replace

from unified.errors import ConfigError, nearest
from unified.model.blocks import Dialect, Shuffle
from unified.model.spec import Anchors, TrunkSpec

P5_ANCHORS: Anchors = (
    ((12, 16), (19, 36), (40, 28)),
    ((36, 75), (76, 55), (72, 146)),
    ((142, 110), (192, 243), (459, 401)),
)
P6_ANCHORS: Anchors = (
    ((19, 27), (44, 40), (38, 94)),
    ((96, 68), (86, 152), (180, 137)),
    ((140, 301), (303, 264), (238, 542)),
    ((436, 615), (739, 380), (925, 792)),
)
U5R5_ANCHORS: Anchors = (
    ((10, 13), (16, 30), (33, 23)),
    ((30, 61), (62, 45), (59, 119)),
    ((116, 90), (156, 198), (373, 326)),
)
Y4_P5_ANCHORS: Anchors = (
    ((13, 17), (31, 25), (24, 51), (61, 45)),
    ((48, 102), (119, 96), (97, 189), (217, 184)),
    ((171, 384), (324, 451), (616, 618), (800, 800)),
)
Y4_P6_ANCHORS: Anchors = (
    ((13, 17), (31, 25), (24, 51), (61, 45)),
    ((61, 45), (48, 102), (119, 96), (97, 189)),
    ((97, 189), (217, 184), (171, 384), (324, 451)),
    ((324, 451), (545, 357), (616, 618), (1024, 1024)),
)
Y4_P7_ANCHORS: Anchors = (
    ((13, 17), (22, 25), (27, 66), (55, 41)),
    ((57, 88), (112, 69), (69, 177), (136, 138)),
    ((136, 138), (287, 114), (134, 275), (268, 248)),
    ((268, 248), (232, 504), (445, 416), (640, 640)),
    ((812, 393), (477, 808), (1070, 908), (1408, 1408)),
)

# --- YOLOv4-CSP and its stems (Table 7, Table A1; Figure A2 a, b, c, f) ---
_YOLOV4_CSP = TrunkSpec(
    name="yolov4-csp", dialect="D", activation="mish", stem=((32, 1), (64, 2)), residual_b1=True,
    widths=(64, 128, 256, 512, 1024), depths=(1, 2, 8, 8, 4),
    neck=(128, 256, 512), neck_depth=2, heads=(256, 512, 1024), anchors=P5_ANCHORS,
)  # fmt: skip
_YOLOV4_CSP_FAST = replace(_YOLOV4_CSP, name="yolov4-csp-fast", shuffles=1, stem=((64, 1),))
_YOLOR_CSP = replace(_YOLOV4_CSP, name="yolor-csp", activation="silu")
_YOLOR_CSP_X = replace(
    _YOLOR_CSP, name="yolor-csp-x", stem=((32, 1), (80, 2)), spp_tail=2,
    widths=(80, 160, 320, 640, 1280), depths=(1, 3, 10, 10, 5),
    neck=(160, 320, 640), neck_depth=3, heads=(320, 640, 1280),
)  # fmt: skip
_YOLOR_SSS = TrunkSpec(
    name="yolor-sss", dialect="T", shuffles=2, stem=(), widths=(64, 128, 256, 512), depths=(1, 3, 3, 1),
    neck=(64, 128, 256), neck_depth=1, heads=(128, 256, 512), anchors=P5_ANCHORS,
)  # fmt: skip
_YOLOR_SSSS = replace(_YOLOR_SSS, name="yolor-ssss", shuffles=3, widths=(128, 256, 512), depths=(3, 3, 1))

# --- P6-light and YOLOR-P6, W6, E6, D6 (Tables 7 and A2; Figure A2 d, e) ---
_YOLOV4_P6_LIGHT = TrunkSpec(
    name="yolov4-p6-light", dialect="D", activation="mish", shuffles=1, stem=((64, 1), (128, 2)), block="csp-first",
    widths=(128, 256, 384, 512, 640), depths=(3, 7, 7, 3, 3),
    neck=(128, 192, 256, 320), neck_depth=3, heads=(256, 384, 512, 640), anchors=P6_ANCHORS, size=1280,
)  # fmt: skip
_YOLOR_P6 = replace(_YOLOV4_P6_LIGHT, name="yolor-p6", activation="silu")
_YOLOR_W6 = replace(
    _YOLOR_P6,
    name="yolor-w6",
    widths=(128, 256, 512, 768, 1024),
    neck=(128, 256, 384, 512),
    heads=(256, 512, 768, 1024),
)
_YOLOR_E6 = replace(
    _YOLOR_W6, name="yolor-e6", dialect="T", stem=((80, 1), (160, 2)), down="csp",
    widths=(160, 320, 640, 960, 1280), neck=(160, 320, 480, 640), heads=(320, 640, 960, 1280),
)  # fmt: skip
_YOLOR_D6 = replace(_YOLOR_E6, name="yolor-d6", depths=(3, 15, 15, 7, 7))

# --- Scaled-YOLOv4 P5, P6, P7 (Tables A2 and A3) ---
_YOLOV4_P5 = TrunkSpec(
    name="yolov4-p5", dialect="T", activation="mish", stem=((32, 1), (64, 2)),
    widths=(64, 128, 256, 512, 1024), depths=(1, 3, 15, 15, 7),
    neck=(128, 256, 512), neck_depth=3, heads=(256, 512, 1024), anchors=Y4_P5_ANCHORS, size=896,
)  # fmt: skip
_YOLOV4_P6 = replace(
    _YOLOV4_P5, name="yolov4-p6", widths=(64, 128, 256, 512, 1024, 1024), depths=(1, 3, 15, 15, 7, 7),
    neck=(128, 256, 512, 512), heads=(256, 512, 1024, 1024), anchors=Y4_P6_ANCHORS, size=1280,
)  # fmt: skip
_YOLOV4_P7 = replace(
    _YOLOV4_P5, name="yolov4-p7", stem=((40, 1), (80, 2)),
    widths=(80, 160, 320, 640, 1280, 1280, 1280), depths=(1, 3, 15, 15, 7, 7, 7),
    neck=(160, 320, 640, 640, 640), heads=(320, 640, 1280, 1280, 1280), anchors=Y4_P7_ANCHORS, size=1536,
)  # fmt: skip

# --- U5R5 (YOLOv5 v5.0; Tables A1 and A2) ---
_U5R5_S = TrunkSpec(
    name="u5r5-s", dialect="T", shuffles=1, stem=((32, 1),), block="c3",
    widths=(64, 128, 256, 512), depths=(1, 3, 3, 1), neck=(128, 256, 512), neck_depth=1, anchors=U5R5_ANCHORS,
)  # fmt: skip
_U5R5_S6 = replace(
    _U5R5_S, name="u5r5-s6", widths=(64, 128, 256, 384, 512), depths=(1, 3, 3, 1, 1), neck=(128, 256, 384, 512),
    spp_kernel=3, anchors=P6_ANCHORS, size=1280,
)  # fmt: skip
_U5R5_M6 = replace(
    _U5R5_S6, name="u5r5-m6", stem=((48, 1),), widths=(96, 192, 384, 576, 768), depths=(2, 6, 6, 2, 2),
    neck=(192, 384, 576, 768), neck_depth=2,
)  # fmt: skip
_U5R5_L6 = replace(
    _U5R5_S6, name="u5r5-l6", stem=((64, 1),), widths=(128, 256, 512, 768, 1024), depths=(3, 9, 9, 3, 3),
    neck=(256, 512, 768, 1024), neck_depth=3,
)  # fmt: skip
_U5R5_X6 = replace(
    _U5R5_S6, name="u5r5-x6", stem=((80, 1),), widths=(160, 320, 640, 960, 1280), depths=(4, 12, 12, 4, 4),
    neck=(320, 640, 960, 1280), neck_depth=4,
)  # fmt: skip

# --- our own, for CPUs: one convolution between the pixels and stride 8, all widths multiples of 16 for bf16 ---
_YOLOR_N = TrunkSpec(
    name="yolor-n", dialect="D", shuffles=2, stem=((64, 2),), widths=(64, 96, 96), depths=(1, 1, 1),
    neck=(32, 48, 48), neck_depth=1, heads=(48, 64, 64), anchors=P5_ANCHORS,
)  # fmt: skip
_YOLOR_T = replace(
    _YOLOR_N, name="yolor-t", widths=(96, 160, 192), neck=(64, 80, 96), heads=(96, 112, 144)
)  # fmt: skip

_SPECS = {
    spec.name: spec
    for spec in (
        _YOLOV4_CSP, _YOLOV4_CSP_FAST, _YOLOV4_P6_LIGHT, _YOLOV4_P5, _YOLOV4_P6, _YOLOV4_P7,
        _YOLOR_CSP, _YOLOR_CSP_X, _YOLOR_SSS, _YOLOR_SSSS, _YOLOR_P6, _YOLOR_W6, _YOLOR_E6, _YOLOR_D6,
        _U5R5_S, _U5R5_S6, _U5R5_M6, _U5R5_L6, _U5R5_X6, _YOLOR_N, _YOLOR_T,
    )
}  # fmt: skip

_DIALECTS: dict[str, Dialect] = {"D": "D", "T": "T"}
_SHUFFLE_SUFFIXES: dict[str, Shuffle] = {"-dwt": "dwt", "-s2d": "reorg"}  # as in the published weights' names


def names() -> tuple[str, ...]:
    """All trunks described here, without suffixes."""
    return tuple(_SPECS)


def spec(name: str) -> TrunkSpec:
    """`NAME`, `NAME:D` or `NAME:T`; models that start with ReOrg also take `NAME-dwt` and `NAME-s2d`.

    Raises ConfigError for an unknown name, dialect or suffix.
    """
    base, _, dialect = name.partition(":")
    shuffle: Shuffle | None = None
    for suffix, kind in _SHUFFLE_SUFFIXES.items():
        if base.endswith(suffix):
            base, shuffle = base.removesuffix(suffix), kind
    if base not in _SPECS:
        raise ConfigError(f"unknown trunk {name!r}: {nearest(base, [*_SPECS, 'timm/<name>'])}")
    found = _SPECS[base]
    if shuffle is not None and not found.shuffles:
        raise ConfigError(f"unknown trunk {name!r}: {base} starts with a convolution, so neither -dwt nor -s2d applies")
    if shuffle == "dwt":
        found = replace(found, name=f"{base}-dwt", shuffle="dwt")
    if ":" not in name or dialect == found.dialect:
        return found
    if dialect not in _DIALECTS:
        raise ConfigError(f"unknown dialect {dialect!r} in {name!r}: allowed are {base}:D and {base}:T")
    return replace(found, name=f"{found.name}:{dialect}", dialect=_DIALECTS[dialect])
