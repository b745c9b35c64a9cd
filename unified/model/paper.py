"""What the paper prints about its models (arXiv 2105.04206, Tables 7, A1, A2, A3), and by which conventions.

The paper mixes conventions from table to table. Parameters: dialect D or T (the dialect of each name in
`unified.model.variants` is the one that fits), BN folded into the convolutions or not, implicit vectors always kept.
GFLOPs of Tables A1 to A3: one decimal at 640×640, times the ratio of the areas; those of Table 7 are exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from unified.model.blocks import Dialect

Column = Literal[
    "plain", "with_codes", "plain_fused", "with_codes_fused", "mflops_plain", "mflops_with_codes"
]  # of `unified.model.cost_table.row`


@dataclass(frozen=True, slots=True)
class Gflops:
    """GFLOPs as a table prints them."""

    value: float
    fused: bool = False
    dialect: Dialect | None = None
    """Set where the table pairs the parameters of one dialect with the FLOPs of the other."""
    rounding: Literal["scaled", "whole", "cut"] = "scaled"
    """One decimal at 640×640, scaled; the same as a whole number; one decimal of the exact number, cut."""

    @property
    def convention(self) -> str:
        """In words."""
        norms = "BN folded" if self.fused else "BN not folded"
        dialect = f", dialect {self.dialect}" if self.dialect else ""
        rounding = {
            "scaled": "one decimal at 640×640, scaled by area",
            "whole": "one decimal at 640×640, scaled by area, rounded",
            "cut": "exact, cut after one decimal",
        }[self.rounding]
        return f"{norms}{dialect}; {rounding}"


@dataclass(frozen=True, slots=True)
class PaperRow:
    """One model's printed numbers, by column of our own table."""

    tables: str
    convention: str
    columns: Mapping[Column, float] = field(default_factory=dict)
    gflops: Gflops | None = None
    note: str = ""


_MULTIPLY_LEVELS = (
    "Table 7 prints 326264.7304 MFLOPs with codes: an increment of 8.5680, four times that of CSP-fast, which leaves "
    "out the P6 map (20×20). Counted over all four levels, as for CSP-fast over its three, it is 8.6700."
)

_D_UNFOLDED = "dialect D, BN not folded"
_T_UNFOLDED = "dialect T, BN not folded"
_T_FOLDED = "dialect T, BN folded into the convolutions"

ROWS: dict[str, PaperRow] = {
    "yolov4-csp-fast": PaperRow(
        "7",
        _D_UNFOLDED,
        {"plain": 52908989, "with_codes": 52911546, "mflops_plain": 117517.2952, "mflops_with_codes": 117519.4372},
    ),
    "yolov4-p6-light": PaperRow(
        "7",
        _D_UNFOLDED,
        {"plain": 37262204, "with_codes": 37265016, "mflops_plain": 326256.1624},
        note=_MULTIPLY_LEVELS,
    ),
    "yolor-p6": PaperRow(
        "7, A2, A3",
        _D_UNFOLDED,
        {"plain": 37262204, "with_codes": 37265016, "mflops_plain": 326256.1624},
        Gflops(326.2, rounding="cut"),
        note=_MULTIPLY_LEVELS,
    ),
    "yolor-w6": PaperRow(
        "A2, A3",
        _D_UNFOLDED,
        {"with_codes": 79873400},
        Gflops(454.0, dialect="T"),
        note="the parameters are those of dialect D, the FLOPs those of dialect T (D: 453.9)",
    ),
    "yolor-e6": PaperRow("A2, A3", _T_UNFOLDED, {"with_codes": 115909400}, Gflops(684.0)),
    "yolor-d6": PaperRow("A2, A3", _T_UNFOLDED, {"with_codes": 151782680}, Gflops(936.8)),
    "yolor-sss": PaperRow("A1", _T_FOLDED, {"plain_fused": 9290077, "with_codes_fused": 9291738}, Gflops(17.9)),
    "yolor-ssss": PaperRow("A1", _T_FOLDED, {"plain_fused": 9205693, "with_codes_fused": 9207354}, Gflops(16.1)),
    "yolov4-p5": PaperRow("A3", _T_UNFOLDED, gflops=Gflops(328, rounding="whole"), note="printed as 71M parameters"),
    "yolov4-p6": PaperRow("A2, A3", _T_FOLDED, {"plain_fused": 127530352}, Gflops(718.4, fused=True)),
    "yolov4-p7": PaperRow(
        "A3",
        _T_FOLDED,
        gflops=Gflops(1639, fused=True, rounding="whole"),
        note="printed as 287M parameters: the fused count",
    ),
    "u5r5-s": PaperRow(
        "A1", _T_FOLDED, {"plain_fused": 7266973, "with_codes_fused": 7268634}, Gflops(17.0, fused=True)
    ),
    "u5r5-s6": PaperRow("A2", _T_FOLDED, {"plain_fused": 12653596}, Gflops(69.6, fused=True)),
    "u5r5-m6": PaperRow("A2", _T_FOLDED, {"plain_fused": 35889612}, Gflops(209.6, fused=True)),
    "u5r5-l6": PaperRow("A2", _T_FOLDED, {"plain_fused": 77218620}, Gflops(470.8, fused=True)),
    "u5r5-x6": PaperRow("A2", _T_FOLDED, {"plain_fused": 141755500}, Gflops(891.6, fused=True)),
}
