"""The numbers of the tracker, with the papers that they are from."""

from __future__ import annotations

from dataclasses import dataclass

from unified.errors import ConfigError

CHI2_95_4 = 9.4877  # 0.95 quantile of χ² with four degrees of freedom: the gate of DeepSORT, section 2.2


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerOptions:
    """How boxes become tracks.

    DeepSORT is arXiv 1703.07402, JDE 1909.12605, FairMOT 2004.01888, ByteTrack 2110.06864. A step is a tracked frame.

    Raises:
        ConfigError: a number out of its range.
    """

    score: float = 0.6  # boxes from here on make tracks and go first: τ of ByteTrack
    low_score: float = 0.1  # boxes from here to `score` only carry tracks on: second association of ByteTrack
    max_lost: int = 30  # steps that a lost object is remembered: ByteTrack, FairMOT
    confirm: int = 2  # steps in a row that make an object count, but for the first frame's; DeepSORT has 3
    min_iou: float = 0.2  # overlap of a box with where its object is expected: ByteTrack
    max_distance: float = 0.4  # cost of an embedding match: τ₁ of FairMOT
    unlike: float = 1.0  # cosine distance from which overlap makes no match either; ours: vectors at right angles
    embedding_weight: float = 0.98  # λ of FairMOT: share of appearance in that cost, the rest is motion
    embedding_momentum: float = 0.9  # α of JDE: how much of the old embedding a new one leaves
    gate: float = CHI2_95_4  # squared Mahalanobis distance beyond which an embedding is not asked

    def __post_init__(self) -> None:
        shares = ("score", "low_score", "min_iou", "embedding_weight", "embedding_momentum")
        for name in shares:
            self._refuse(name, 0 <= getattr(self, name) <= 1, "0 to 1")
        self._refuse("low_score", self.low_score <= self.score, f"at most score, {self.score}")
        self._refuse("max_lost", self.max_lost >= 0, "0 or more")
        self._refuse("confirm", self.confirm >= 1, "1 or more")
        self._refuse("max_distance", self.max_distance >= 0, "0 or more")
        self._refuse("unlike", self.unlike > 0, "above 0")
        self._refuse("gate", self.gate > 0, "above 0")

    def _refuse(self, name: str, holds: bool, allowed: str) -> None:
        if not holds:
            raise ConfigError(f"{name} is {getattr(self, name)}; allowed: {allowed}")
