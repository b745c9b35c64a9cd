"""What a config may say about detection."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict

from unified.model.code_spec import Codes
from unified.ops.boxes import Overlap

Positive = Annotated[float, Field(gt=0)]
Size = Annotated[tuple[Positive, Positive], Strict(False)]  # YAML has lists only
Fraction = Annotated[float, Field(ge=0, le=1)]
Gain = Annotated[float, Field(ge=0)]


class Strictly(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Gains(Strictly):
    """Weights of the loss parts for 3 levels and 80 classes; scaled to the model at hand in `loss.scaled_gains`."""

    box: Gain = Field(default=0.05, description="Weight of the box part.")
    obj: Gain = Field(default=0.7, description="Weight of the objectness part (the published P6 models: 1.0).")
    cls: Gain = Field(default=0.3, description="Weight of the class part (the published P6 models: 0.5).")


class Options(Strictly):
    """Options of the task; the defaults are those of the published YOLOR-CSP (hyp.scratch.640)."""

    codes: Codes = Field(default=Codes(), description="Implicit codes around the prediction convolution.")
    anchors: Literal["auto", "trunk", "fit"] | list[list[Size]] = Field(
        default="auto",
        description="trunk: the trunk's own; fit: from the training boxes; auto: fit where the trunk's miss more than "
        "2 % of them; or for every level, finest first, a list of [w, h] in input pixels.",
    )
    anchor_t: float = Field(default=4.0, gt=1, description="An anchor matches boxes up to this many times its size.")
    gains: Gains = Field(default=Gains(), description="Weights of the loss parts.")
    balance: list[Gain] | None = Field(
        default=None, description="Weight of each level's objectness, finest first; null: the published ones."
    )
    overlap: Overlap = Field(default="ciou", description="Overlap that the box part raises: 1 - overlap.")
    gr: Fraction = Field(default=1.0, description="Weight of the overlap in the objectness target 1 - gr + gr·overlap.")
    label_smoothing: Fraction = Field(default=0.0, description="Class targets ε/2 and 1 - ε/2 instead of 0 and 1.")
    focal_gamma: float = Field(default=0.0, ge=0, description="γ of the focal loss on objectness and classes; 0: off.")
    ignore_crowd: bool = Field(default=True, description="No objectness loss inside regions annotated as a crowd.")
    score: Fraction = Field(default=0.001, description="Lowest score kept, unless the caller asks for another.")
    iou: Fraction = Field(default=0.65, description="Overlap above which a worse box of the same class is dropped.")
    shown_iou: Fraction = Field(
        default=0.45, description="The same where somebody looks at the boxes: whenever a caller names a lowest score."
    )
    max_detections: int = Field(default=300, ge=1, description="Most detections kept in a picture.")
