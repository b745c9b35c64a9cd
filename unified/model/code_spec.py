"""What a config may say about codes: of what kind one is, and which a head has where.

align   iFA, and the multi-task codes of §5.4      one code a level
refine  iPR, on all outputs or some of them        `where: wh` is the paper's × iPR*
align with `per_anchor`                            the paper's × iFA*: a code for every anchor cluster
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from unified.errors import ConfigError
from unified.model.implicit import SIGMA, Factorization, ImplicitCode, Markov, Modelling, Network, Vector
from unified.model.operators import Add, Concat, Mul, Operator, Project, RankOne, Select

Where = Literal["all", "xy", "wh", "obj", "cls"]
OperatorName = Literal["add", "mul", "concat", "select", "project", "rank_one"]


class CodeSpec(BaseModel):
    """One implicit code as a config describes it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    operator: OperatorName = Field(
        description="How g(z) meets the features: f+g, f·g, [f, g], f·2σ(g), g as a projection matrix; rank_one: the "
        "control f + g⟨g, f⟩, as many plain weights."
    )
    modelling: Literal["vector", "network", "factorization", "markov"] = Field(
        default="vector", description="What g(z) is: equations (6), (7), (8) of the paper, or a Markov transition."
    )
    sigma: float = Field(default=SIGMA, ge=0, description="Standard deviation of the start around the neutral element.")
    width: int | None = Field(default=None, ge=1, description="Prior dimension; twice the explicit one if not given.")
    nonlinear: bool = Field(default=False, description="network: W tanh(V z) + b instead of W z + b.")
    sparse: float | None = Field(default=None, ge=0, description="factorization: soft threshold on c, in mean |c|.")
    nonnegative: bool = Field(default=False, description="factorization: non-negative Z and c (NMF).")
    source: str | None = Field(default=None, description="markov: the other code, 'task' or 'task/place/level'.")
    dimensions: int | None = Field(default=None, ge=1, description="project: output channels; all if not given.")
    where: Where = Field(default="all", description="refine: which outputs of every anchor the code acts on.")
    per_anchor: bool = Field(default=False, description="align: a code for every anchor cluster (the paper's iFA*).")
    frozen: bool = Field(default=False, description="Keep the code at its random start: the control for training it.")

    @model_validator(mode="after")
    def _options_fit(self) -> CodeSpec:
        owners = {
            "nonlinear": ("modelling", "network"),
            "sparse": ("modelling", "factorization"),
            "nonnegative": ("modelling", "factorization"),
            "source": ("modelling", "markov"),
            "dimensions": ("operator", "project"),
        }
        for option, (field, value) in owners.items():
            if option in self.model_fields_set and getattr(self, option) and getattr(self, field) != value:
                raise ValueError(f"{option} belongs to {field}: {value}, got {field}: {getattr(self, field)}")
        if self.modelling == "markov" and self.source is None:
            raise ValueError("modelling: markov needs source: the task whose code it is a transition of")
        if self.modelling == "markov" and self.frozen:
            raise ValueError("a markov code moves with its source, so it cannot be frozen; freeze the source")
        if self.modelling == "vector" and self.width is not None:
            raise ValueError("width is the prior's dimension; a vector is its own prior, so it has none to choose")
        if self.where != "all" and self.operator not in ("add", "mul", "select"):
            wanted = "an element-wise operator (add, mul, select)"
            raise ValueError(f"where: {self.where} needs {wanted}, got {self.operator}")
        return self

    def align(self, channels: int, *, clusters: int = 1) -> ImplicitCode:
        """The code before a 1×1 convolution of `channels` inputs; `clusters` copies of them for codes per anchor."""
        return self._code(channels * clusters, clusters, None)

    def refine(self, channels: int, *, index: Tensor | None = None) -> ImplicitCode:
        """The code after a 1×1 convolution of `channels` outputs, acting on those of `index` (all if None).

        Raises:
            ConfigError: the operator changes the number of outputs (§5.5 leaves concatenation out for this reason).
        """
        if self.operator == "concat" or (self.operator == "project" and self.dimensions not in (None, channels)):
            raise ConfigError(
                f"operator {self.operator} after the prediction would change its {channels} outputs (paper, §5.5); "
                "allowed as refine: add, mul, select, and project without dimensions"
            )
        return self._code(channels, 1, index)

    def _code(self, channels: int, groups: int, index: Tensor | None) -> ImplicitCode:
        operator = self._operator(groups)
        centre = operator.centre(channels)
        if index is not None:
            centre = centre[:, index]
        code = ImplicitCode(self._modelling(centre), operator, channels, centre=centre, index=index)
        return code.requires_grad_(not self.frozen)

    def _operator(self, groups: int) -> Operator:
        if self.operator == "concat":
            return Concat(groups)
        if self.operator == "project":
            return Project(self.dimensions and self.dimensions * groups, groups)
        if self.operator == "rank_one":
            return RankOne(groups)
        elementwise: dict[str, Operator] = {"add": Add(), "mul": Mul(), "select": Select()}
        return elementwise[self.operator]

    def _modelling(self, centre: Tensor) -> Modelling:
        if self.modelling == "vector":
            return Vector(centre, sigma=self.sigma)
        if self.modelling == "network":
            return Network(centre, sigma=self.sigma, width=self.width, nonlinear=self.nonlinear)
        if self.modelling == "factorization":
            return Factorization(
                centre, sigma=self.sigma, width=self.width, sparse=self.sparse, nonnegative=self.nonnegative
            )
        assert self.source is not None  # the validator asks for it
        return Markov(centre, sigma=self.sigma, width=self.width, source=self.source)


class AlignSpec(CodeSpec):
    """A code before the convolution, where codes add unless said otherwise."""

    operator: OperatorName = Field(default="add", description=CodeSpec.model_fields["operator"].description)


class RefineSpec(CodeSpec):
    """A code after the convolution, where codes multiply unless said otherwise."""

    operator: OperatorName = Field(default="mul", description=CodeSpec.model_fields["operator"].description)


class Codes(BaseModel):
    """The codes of a head of anchors as a config describes them; null is none."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    align: AlignSpec | None = Field(default=AlignSpec(), description="Before the last convolution (iFA), one a level.")
    refine: RefineSpec | None = Field(default=RefineSpec(), description="After the last convolution (iPR).")

    @model_validator(mode="after")
    def _in_their_place(self) -> Codes:
        if self.align is not None and self.align.where != "all":
            raise ValueError("where belongs to codes.refine: alignment sees features, not x y w h obj cls")
        if self.refine is not None and self.refine.per_anchor:
            raise ValueError("per_anchor belongs to codes.align: refinement acts on the outputs of every anchor anyway")
        return self


class PlainCodes(Codes):
    """The codes of a head without anchors."""

    @model_validator(mode="after")
    def _no_anchors(self) -> PlainCodes:
        for place, spec in (("align", self.align), ("refine", self.refine)):
            if spec is not None and (spec.where != "all" or spec.per_anchor):
                raise ValueError(f"{place}: where and per_anchor speak of anchors, and this task has none")
        return self
