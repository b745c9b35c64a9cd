"""What a config may say about captions."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from unified.model.code_spec import PlainCodes


class Strictly(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Search(Strictly):
    """How the words are chosen."""

    beams: int = Field(default=3, ge=1, description="Sentences followed at a time; 1 is greedy.")
    length_penalty: float = Field(default=1.0, description="Beams compare log p / tokens^penalty; above 1: longer.")
    temperature: float | None = Field(
        default=None,
        gt=0,
        description="Sample, from p^(1/temperature), one sentence with beams: 1; null: the most probable.",
    )
    top_p: float = Field(default=1.0, gt=0, le=1, description="Sample from the most probable tokens of this mass.")
    cache: bool = Field(default=True, description="Keep keys and values of what is said; false only to compare.")

    @model_validator(mode="after")
    def _one_way(self) -> Search:
        if self.temperature is None and self.top_p != 1:
            raise ValueError("top_p belongs to sampling: give a temperature")
        return self


class Options(Strictly):
    """What a config may say about the task."""

    codes: PlainCodes = Field(default=PlainCodes(), description="Implicit codes: align, refine.")
    grid: int = Field(default=8, ge=1, description="Most tokens along a side of each level; finer ones are averaged.")
    width: int = Field(default=192, ge=8, description="Dimension of tokens and decoder; a multiple of 4 and of heads.")
    layers: int = Field(default=3, ge=1, description="Layers of the decoder.")
    heads: int = Field(default=4, ge=1, description="Attention heads; divides width.")
    dropout: float = Field(default=0.1, ge=0, lt=1, description="In the decoder, while it learns words.")
    pretrained: str | None = Field(
        default=None,
        description="GPT-2 to start from, in place of width, layers, heads and vocabulary: a folder, or a name of the "
        "Hugging Face hub that is in the local cache. Nothing is downloaded.",
    )
    vocabulary: int = Field(
        default=4000, ge=300, description="Most tokens of the byte-level BPE that is fitted to the training captions."
    )
    length: int = Field(default=40, ge=2, description="Most tokens of a caption, its end among them.")
    label_smoothing: float = Field(default=0.1, ge=0, lt=1, description="Share of the probability that all tokens get.")
    gain: float = Field(default=1.0, ge=0, description="Weight of the loss beside other tasks' parts.")
    search: Search = Field(default=Search(), description="How captions are made: greedy, beams or sampling.")
    objective: Literal["words", "cider"] = Field(
        default="words",
        description="words: the next word of a reference. cider: CIDEr-D of sampled captions, a second stage that "
        "begins from a training on words (train.start); without dropout.",
    )
    samples: int = Field(
        default=5,
        ge=1,
        description="With objective cider: captions sampled of a picture, each held against the mean of the others; "
        "1: against the greedy one.",
    )

    @model_validator(mode="after")
    def _divides(self) -> Options:
        for name, divisor in (("heads", self.heads), ("4", 4)):
            if self.width % divisor:
                raise ValueError(f"{name} must divide width, got width {self.width} and {name} {divisor}")
        return self
