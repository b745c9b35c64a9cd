"""What a config may say about multi-label classification."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from unified.model.code_spec import PlainCodes


class Options(BaseModel):
    """What a config may say about the task."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    head: Literal["pooled", "query"] = Field(
        default="pooled",
        description="pooled: a linear score per cell, pooled; query: learnt queries attend to the cells.",
    )
    codes: PlainCodes = Field(default=PlainCodes(), description="Implicit codes: align, refine.")
    sharpness: float = Field(
        default=3.0, gt=0, description="pooled: r of the log-sum-exp pooling; → 0 is the mean, → ∞ the maximum."
    )
    width: int = Field(default=128, ge=1, description="query: dimension of tokens and queries.")
    heads: int = Field(default=4, ge=1, description="query: attention heads; divides width.")
    queries: int = Field(default=100, ge=1, description="query: at most so many; more categories share them in groups.")
    loss: Literal["bce", "asl"] = Field(
        default="bce", description="Binary cross-entropy, or the asymmetric loss for many categories, few present."
    )
    gain: float = Field(default=1.0, ge=0, description="Weight of the loss beside other tasks' parts.")
    gamma_positive: float = Field(default=0.0, ge=0, description="asl: focusing exponent of present categories.")
    gamma_negative: float = Field(default=4.0, ge=0, description="asl: focusing exponent of absent categories.")
    margin: float = Field(
        default=0.05, ge=0, lt=1, description="asl: absent categories below this probability do not count."
    )
    threshold: float = Field(default=0.5, ge=0, le=1, description="Least probability of a tag in results.")

    @model_validator(mode="after")
    def _heads_divide(self) -> Options:
        if self.width % self.heads:
            raise ValueError(f"heads must divide width, got {self.heads} heads for width {self.width}")
        return self
