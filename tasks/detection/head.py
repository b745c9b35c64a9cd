"""The head: a 1×1 convolution a level, between an alignment and a refinement code (arXiv 2105.04206, §5.2, §5.3, §5.5).

    raw_l = im_l ⊙ (W_l (x_l + ia_l) + b_l)        with the paper's × iPR and + iFA

Letters: B pictures, A anchors a level, K classes, H W cells of a level.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from unified.model.code_spec import CodeSpec, Where
from unified.model.implicit import ImplicitCode
from unified.model.places import CodedConv, codes_of
from unified.task import Features, Output

BOX = 4  # channels x y w h
OBJECTNESS = 4  # the channel after them
CLASSES = 5  # the first class channel

# The prior of the published code: a 640-pixel picture holds 8 objects, each of any class with 0.6/K.
PRIOR_OBJECTS = 8
PRIOR_SIDE = 640
PRIOR_CLASS = 0.6


class Head(nn.Module):
    """{"p3": (B, C, H, W), …} → [(B, A·(5+K), H, W), …], finest first; channels by anchor: x y w h obj classes."""

    def __init__(
        self,
        channels: Mapping[str, int],
        strides: Mapping[str, int],
        *,
        anchors: int,
        classes: int,
        align: CodeSpec | None,
        refine: CodeSpec | None,
    ) -> None:
        super().__init__()
        outputs = anchors * (CLASSES + classes)
        clusters = anchors if align is not None and align.per_anchor else 1
        self.predict = nn.ModuleDict()
        for level, width in channels.items():
            self.predict[level] = coded = CodedConv(
                width,
                outputs,
                align=None if align is None else align.align(width, clusters=clusters),
                refine=None if refine is None else refine.refine(outputs, index=_index(refine.where, anchors, classes)),
                clusters=clusters,
            )
            if coded.conv.bias is not None:
                add_prior(coded.conv.bias, stride=strides[level], anchors=anchors)

    def forward(self, features: Features) -> list[Tensor]:
        return [predict(features[level]) for level, predict in self.predict.items()]

    def codes(self) -> dict[str, ImplicitCode]:
        """{"align/p3": code, …, "refine/p3": code, …}; empty once folded."""
        return codes_of(self.predict)


def outputs(anchors: Tensor, categories: Sequence[str]) -> list[Output]:
    """What the channels of one level are; `anchors` (A, 2) in input pixels."""
    box = [Output("xy", "x"), Output("xy", "y"), Output("wh", "w"), Output("wh", "h"), Output("obj", "obj")]
    channels = [*box, *(Output("classes", category) for category in categories)]
    names = [f"{number} ({w:.0f}×{h:.0f})" for number, (w, h) in enumerate(anchors.tolist(), start=1)]
    return [replace(output, anchor=name) for name in names for output in channels]


@torch.no_grad()
def add_prior(bias: Tensor, *, stride: int, anchors: int) -> None:
    """Start objectness and classes near their expected frequency: added to the default start of `bias`, in place."""
    view = bias.view(anchors, -1)
    classes = view.shape[1] - CLASSES
    view[:, OBJECTNESS] += math.log(PRIOR_OBJECTS / (PRIOR_SIDE / stride) ** 2)
    view[:, CLASSES:] += math.log(PRIOR_CLASS / (classes - 0.99))  # 0.99 and not 1: defined for one class


def _index(where: Where, anchors: int, classes: int) -> Tensor | None:
    """The output channels of all anchors that `where` names; None for all of them."""
    if where == "all":
        return None
    outputs = CLASSES + classes
    first, last = {"xy": (0, 2), "wh": (2, BOX), "obj": (OBJECTNESS, CLASSES), "cls": (CLASSES, outputs)}[where]
    return torch.arange(anchors * outputs).view(anchors, outputs)[:, first:last].flatten()
