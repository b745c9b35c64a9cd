"""What a trunk is, as numbers: the skeleton in `unified.model.trunk` needs nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

from unified.model.blocks import Activation, Dialect, Down, Shuffle, Style

Anchors = tuple[tuple[tuple[int, int], ...], ...]  # per level, finest first: (width, height) in input pixels


@dataclass(frozen=True, kw_only=True, slots=True)
class TrunkSpec:
    """One trunk. Tuples over stages or levels run from the finest to the coarsest."""

    name: str
    dialect: Dialect
    activation: Activation = "silu"
    shuffles: int = 0
    """Parameter-free down-samplings at the input, each C → 4C at half the size."""
    shuffle: Shuffle = "reorg"
    """Space-to-depth or Haar wavelet. The paper names both; nothing decides which its SSS and CSP-fast used."""
    stem: tuple[tuple[int, Literal[1, 2]], ...]
    """(width, stride) of the 3×3 convolutions that follow; a stride of 2 uses `down`."""
    widths: tuple[int, ...]
    """Backbone stages; the last is at the coarsest level. A stage halves the size unless the stem has done so."""
    depths: tuple[int, ...]
    """Units in each stage's CSP block."""
    residual_b1: bool = False
    """Stage 1 is one residual unit of half the inner width instead of a CSP block."""
    block: Literal["csp-last", "csp-first", "c3"] = "csp-last"
    """CSP fusion last or first (arXiv 2011.08036), or the U5R5 skeleton: C3 blocks, no head convolutions."""
    down: Down = "conv"
    """Down-sampling in stem, backbone and neck."""
    spp_tail: Literal[1, 2] = 1
    spp_kernel: Literal[3, 5] = 5
    """Smallest SPP pool; 3 only in the larger U5R5."""
    neck: tuple[int, ...]
    neck_depth: int
    heads: tuple[int, ...] = ()
    """Widths of the 3×3 head convolutions; none: the neck's maps are the features."""
    anchors: Anchors
    size: int = 640
    """Side of the paper's square input, pixels."""

    @property
    def style(self) -> Style:
        return Style(self.dialect, self.activation)

    @property
    def levels(self) -> tuple[str, ...]:
        """ "p3" and on: level k is at stride 2ᵏ."""
        return tuple(f"p{k}" for k in range(3, 3 + len(self.neck)))

    @property
    def strides(self) -> dict[str, int]:
        return {level: 1 << int(level[1:]) for level in self.levels}

    @property
    def channels(self) -> dict[str, int]:
        """Of the features, by level."""
        return dict(zip(self.levels, self.heads or self.neck, strict=True))

    @property
    def stem_channels(self) -> int:
        return self.stem[-1][0] if self.stem else 3 * 4**self.shuffles

    @property
    def stem_stride(self) -> int:
        return (1 << self.shuffles) * prod(stride for _, stride in self.stem)

    @property
    def first_stage(self) -> int:
        """Number of the first backbone stage; stage k is at stride 2ᵏ."""
        return 3 + len(self.neck) - len(self.widths)
