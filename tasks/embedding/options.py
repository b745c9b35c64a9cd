"""What a config may say about embeddings."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from unified.model.code_spec import PlainCodes

LossName = Literal["supcon", "triplet", "multi_similarity", "cross_entropy", "arcface", "cosface"]
CLASSIFYING: frozenset[LossName] = frozenset({"cross_entropy", "arcface", "cosface"})  # have a matrix of classes


class Options(BaseModel):
    """What a config may say about the task."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    target: Literal["identity", "category", "self"] = Field(
        default="identity",
        description="What is the same: objects of one identity, of one category, or two augmented copies of one.",
    )
    dimension: int = Field(default=128, ge=1, description="Length of a vector; a multiple of grid².")
    grid: int = Field(
        default=1, ge=1, le=7, description="A box is read in grid × grid parts, each giving its share of the vector."
    )
    hidden: int = Field(
        default=0, ge=0, description="Channels of a 3×3 convolution of the task's own before its codes; 0 = none."
    )
    codes: PlainCodes = Field(default=PlainCodes(), description="Implicit codes: align, refine.")
    loss: LossName = Field(
        default="supcon",
        description="supcon, triplet, multi_similarity compare objects; the others classify train's identities.",
    )
    gain: float = Field(default=1.0, ge=0, description="Weight of the loss beside other tasks' parts.")
    temperature: float = Field(default=0.1, gt=0, description="supcon: temperature.")
    margin: float = Field(
        default=0.2,
        ge=0,
        description="triplet: of the distance; arcface: of the angle, in radians; cosface: of the cosine.",
    )
    scale: float = Field(default=30.0, gt=0, description="arcface, cosface: of the cosine, before the softmax.")
    whiten: float | None = Field(
        default=None,
        gt=0,
        description="Shrinkage of a learnt whitening, for few identities: what differs within one counts less.",
    )
    memory: int = Field(
        default=0,
        ge=0,
        description="Vectors of past batches that are compared with, too; 0 = none. Not for classifying losses.",
    )
    rerank: int = Field(
        default=0,
        ge=0,
        description="Scores after re-ranking, too: neighbours that have to be mutual, about as many as there are right "
        "answers to a query; 0 = none.",
    )
    views: int = Field(
        default=2,
        ge=1,
        description="Pictures of one identity that should meet in a batch, for target self copies of one.",
    )
    jitter: float = Field(
        default=0.1,
        ge=0,
        lt=0.5,
        description="Training: boxes are shifted by up to this share of their sides, as a detector's are.",
    )

    @model_validator(mode="after")
    def _fit(self) -> Options:
        if self.dimension % self.grid**2:
            raise ValueError(f"dimension must be a multiple of grid² = {self.grid**2}, got {self.dimension}")
        if self.memory and self.loss in CLASSIFYING:
            raise ValueError(
                f"memory is for losses that compare objects, and {self.loss} classifies them; set memory: 0"
            )
        if self.target == "self" and self.whiten is not None:
            raise ValueError(
                "whiten measures how vectors of one identity or category scatter over pictures, and under target self "
                "each object is in one picture only; set whiten: null"
            )
        if self.target == "self" and self.loss in CLASSIFYING:
            raise ValueError(f"target self makes every object a class of its own, too many for {self.loss}; use supcon")
        return self
