"""The sections of a configuration: every key, its default, its range and its unit.

The text under a field is its description: `unified config schema` and `unified config show` print it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Auto = Literal["auto"]
Count = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
NotNegativeInt = Annotated[int, Field(ge=0)]
NotNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
# A run's folder is runs/<name>/<n>: the name may not lead out of runs/.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Section(BaseModel):
    """Frozen; unknown keys and wrong types are errors; numbers are finite."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        populate_by_name=True,
    )


Format = Literal["coco", "yolo", "voc", "mot", "csv", "folders"]


class Source(Section):
    """One of several data sets that are trained on together."""

    path: str
    """Folder of the data set, as `data.path`."""
    train: str = "train"
    """Split to train on, as the annotation file names it."""
    val: str = "val"
    """Split to evaluate on during the training: the tasks that it is labelled for."""
    format: Format | None = None
    """Format of its files. null: the one that is found."""
    tasks: Annotated[list[str], Field(min_length=1)] | None = None
    """Tasks that it is labelled for, completely; to all others it is not labelled. null: all."""


class Data(Section):
    """The pictures and labels. `data: PATH` is short for `data: {path: PATH}`."""

    path: str | None = None
    """Folder of the data set, from the folder of this file; on the command line, from the current folder."""
    train: str = "train"
    """Split to train on, as the annotation file names it."""
    val: str = "val"
    """Split to evaluate on during the training."""
    format: Format | None = None
    """Format of the files, where the folder holds several. null: the one that is found."""
    sources: Annotated[dict[Name, Source], Field(min_length=1)] | None = None
    """Instead of `path`: name → data set, for several that are labelled for some tasks each."""
    mix: Literal["proportional", "sqrt", "round_robin", "annealed"] | dict[str, NotNegative] = "proportional"
    """How sources take turns: by their sizes, the roots of these, all alike, from sizes to alike; or source → ratio."""
    on_error: Literal["raise", "drop"] = "raise"
    """raise: a faulty annotation (a box without area …) stops the program; drop: it is left out, and listed."""

    @model_validator(mode="after")
    def _one_or_several(self) -> Data:
        if (self.path is None) == (self.sources is None):
            raise ValueError(f"give either path or sources; got {'neither' if self.path is None else 'both'}")
        return self

    def parts(self) -> dict[str, Source]:
        """The data sets by name; one alone is named like its folder."""
        if self.sources is not None:
            return dict(self.sources)
        assert self.path is not None
        return {self.path: Source(path=self.path, train=self.train, val=self.val, format=self.format)}


class Weak(Section):
    """Weak views: for tasks whose labels a strong one would belie, as a mosaic does a sentence."""

    share: Annotated[float, Field(gt=0, le=1)] | Auto = "auto"
    """Share of the pictures shown so; all tasks learn from it. auto: half if a task has weak views only, else none."""
    tasks: list[str] | Auto = "auto"
    """Tasks that learn from weak views only. auto: those that say so themselves, as captions do."""
    hsv_h: Fraction = 0.0
    """As in a strong view."""
    hsv_s: Fraction = 0.2
    """As in a strong view."""
    hsv_v: Fraction = 0.2
    """As in a strong view."""
    degrees: Annotated[float, Field(ge=0, le=180)] = 0.0
    """As in a strong view."""
    translate: Fraction = 0.0
    """As in a strong view."""
    scale: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """As in a strong view."""
    shear: Annotated[float, Field(ge=0, lt=90)] = 0.0
    """As in a strong view."""
    fliplr: Fraction = 0.5
    """As in a strong view; in sentences left and right change places."""
    flipud: Fraction = 0.0
    """As in a strong view; nothing changes places."""


class Augment(Section):
    """Random changes of a training picture. The defaults are the reference's for small models from scratch."""

    mosaic: Fraction = 1.0
    """Probability that four pictures are put together into one."""
    close_mosaic: NotNegativeInt = 0
    """Last epochs without mosaic and mixup."""
    hsv_h: Fraction = 0.015
    """Hue: largest change, as a share of the circle."""
    hsv_s: Fraction = 0.7
    """Saturation: largest relative change."""
    hsv_v: Fraction = 0.4
    """Brightness: largest relative change."""
    degrees: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Rotation: largest angle to either side, in degrees."""
    translate: Fraction = 0.1
    """Shift: largest, as a share of the picture's side."""
    scale: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Zoom: factor drawn from 1 - scale to 1 + scale."""
    shear: Annotated[float, Field(ge=0, lt=90)] = 0.0
    """Shear: largest angle to either side, in degrees."""
    fliplr: Fraction = 0.5
    """Probability of a left-right flip."""
    flipud: Fraction = 0.0
    """Probability of an up-down flip."""
    mixup: Fraction = 0.0
    """Probability that a mosaic is blended with a second one."""
    weak: Weak = Weak()
    """Weak views, for some of the pictures; what is above is about the strong ones."""


class Span(Section):
    """A part of the training, between two fractions of it."""

    from_: Fraction = Field(0.0, alias="from")
    """Where it begins, as a fraction of the training."""
    to: Fraction = 1.0
    """Where it ends, as a fraction of the training."""

    @model_validator(mode="after")
    def _runs_forward(self) -> Span:
        if self.from_ >= self.to:
            raise ValueError(f"a span runs forward, 0 ≤ from < to ≤ 1; got from {self.from_} to {self.to}")
        return self


class Train(Section):
    """One training run. The defaults are the reference's (SGD, 300 epochs, nominal batch 64)."""

    epochs: Count = 300
    """Passes over the training split."""
    batch: Count = 16
    """Pictures a step on each device."""
    nominal_batch: Count | Auto = "auto"
    """Pictures an update; gradients are accumulated up to it. auto: 64, less where the run is too short for it."""
    optimizer: Literal["sgd", "adamw", "muon"] = "sgd"
    """sgd: the published recipe; adamw: gets further in a few thousand updates; muon: in half as many."""
    lr: Positive | Auto = "auto"
    """Learning rate after the warm-up. auto: 0.01 for sgd, 0.002 for adamw, 0.006 for muon."""
    lr_final: Fraction = 0.2
    """Learning rate at the end, as a share of `lr`; a half cosine leads there."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.937
    """Nesterov momentum after the warm-up."""
    weight_decay: NotNegative | Auto = "auto"
    """Of convolution and linear weights, not of norms, biases and codes. auto: 0.0005 for sgd, 0.05 for the others."""
    warmup_epochs: NotNegative | Auto = "auto"
    """Linear warm-up. auto: 3 epochs and at least 1000 batches, but at most a tenth of the run."""
    warmup_momentum: Annotated[float, Field(ge=0, lt=1)] = 0.8
    """Momentum at the start of the warm-up."""
    warmup_bias_lr: NotNegative | Auto = "auto"
    """Learning rate of the biases as the warm-up starts; all others start at 0. auto: 0.1 for sgd, 0 for the others."""
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.9999
    """Decay of the averaged weights an update, at most: a short run gets a shorter memory."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: bfloat16 autocast where the device computes it faster, else float32."""
    workers: NotNegativeInt | Auto = "auto"
    """Processes that load pictures; 0 = load in the training process. auto: by cores."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Of weights, order and augmentation."""
    patience: NotNegativeInt = 0
    """Epochs without a better score after which the training stops; 0 = never."""
    evaluate_every: NotNegativeInt = 1
    """Epochs between evaluations; 0 = only at the end."""
    checkpoint_every: NotNegativeInt = 0
    """Updates between further checkpoints than that of each epoch; 0 = none."""
    keep_labels: dict[str, Fraction] = {}
    """Task → share of the pictures that keep its labels, drawn by `seed`, all if not given: what are labels worth?"""
    max_steps: NotNegativeInt = 0
    """Stop after so many updates, whatever `epochs` says; 0 = no limit."""
    start: str | None = None
    """Training or checkpoint to begin from, from the current folder: weights of equal name and shape are taken."""
    freeze: list[str] | dict[str, Span] = []
    """Parts that stand still, norms included: trunk, a task, trunk.stem …; or part → {from, to} of the training."""
    log_codes: NotNegativeInt | Auto = "auto"
    """Updates between entries of the code log, codes.jsonl; 0 = no log. auto: about 200 entries a run."""


class Ramp(Section):
    """A loss weight that goes linearly from `start` to `end` between two fractions of the training."""

    start: NotNegative
    """Weight up to `from`; 0 leaves the task out of the update until then."""
    end: NotNegative
    """Weight after `to`."""
    from_: Fraction = Field(0.0, alias="from")
    """Where the ramp begins, as a fraction of the training."""
    to: Fraction = 1.0
    """Where the ramp ends, as a fraction of the training."""

    @model_validator(mode="after")
    def _runs_forward(self) -> Ramp:
        if self.from_ > self.to:
            raise ValueError(f"a ramp runs forward, 0 ≤ from ≤ to ≤ 1; got from {self.from_} to {self.to}")
        return self


class Joint(Section):
    """How the losses of the tasks become one update: the sum of weight × gain × part."""

    weighting: str = "fixed"
    """How the weight of each task is found; `unified config show weightings` lists what there is."""
    options: dict[str, float | dict[str, float]] = {}
    """Options of the weighting; its own where not given."""
    scale: Literal["none", "norm", "log"] = "none"
    """Losses on one scale before they are weighed: none, norm = over their running mean, log = their logarithm."""
    weights: dict[str, NotNegative | Ramp] = {}
    """Task → weight of its loss, or a ramp; 1 where not given."""
    parts: dict[str, NotNegative] = {}
    """"task/part" → gain of one part of a loss ("detection/box"); the task's own gain where not given."""
    alternate: NotNegativeInt = 0
    """Updates that a task has the trunk to itself before it is the next one's turn; 0 = all tasks together."""
    log_every: NotNegativeInt = 50
    """Updates between looks at how the tasks' gradients agree, for metrics.jsonl; 0 = never."""
