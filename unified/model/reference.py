"""Published weights → ours: the state dicts of the authors' code, in both layouts (`reference_layouts.py`)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from unified.errors import CheckpointError
from unified.model.blocks import Activation, Dialect
from unified.model.reference_layouts import Places, cfg_places, yaml_places
from unified.model.spec import TrunkSpec
from unified.model.trunk import Trunk
from unified.model.variants import spec

BOX_OUTPUTS = 5  # x, y, w, h and objectness of an anchor; the classes follow
COCO_CLASSES = 80
SHOWN_PROBLEMS = 20

_CODE = re.compile(r"module_list\.(\d+)\.implicit")
_PREFIXES: dict[str, Dialect] = {"module_list.": "D", "model.": "T"}  # of the cfg and of the yaml layout


@dataclass(frozen=True, slots=True)
class Translation:
    """A published detector, cut into trunk and head. Levels "p3", "p4" …; A anchors, K classes, C channels."""

    spec: TrunkSpec
    trunk: Mapping[str, Tensor]
    """State dict of `Trunk.from_spec(spec)`, complete."""
    predict: Mapping[str, tuple[Tensor, Tensor]]
    """Weight (A·(5+K), C, 1, 1) and bias (A·(5+K),) of the 1×1 convolution; by anchor: x y w h object classes."""
    align: Mapping[str, Tensor] | None
    """iFA, added before it, (C,); None in models without codes."""
    refine: Mapping[str, Tensor] | None
    """iPR, multiplied after it, (A·(5+K),)."""
    anchors: Mapping[str, Tensor] | None
    """(A, 2) width and height in pixels, where the state dict has them."""


def translate(name: str, state_dict: Mapping[str, Tensor], *, activation: Activation | None = None) -> Translation:
    """Read the published weights of the model `name` (`unified.model.variants`).

    Dialect, ReOrg or DWT, the number of classes and the presence of codes are read off keys and shapes; `activation`,
    which leaves no trace there, replaces the model's own (the published yolov4-csp.cfg says SiLU, the paper Mish).
    Half-precision tensors become float32.

    Raises:
        CheckpointError: not a published layout, not that model, or any tensor missing, left over or of another shape.
        ConfigError: unknown name.
    """
    found = _spec_of(name, state_dict)
    found = replace(found, activation=activation or found.activation)
    with torch.device("meta"):
        trunk = Trunk.from_spec(found)
    places = _places(found, trunk, state_dict)
    reader = _Reader(found.name, state_dict)
    shapes = {key: tuple(tensor.shape) for key, tensor in trunk.state_dict().items()}
    weights = {ours: reader.take(theirs, shapes[ours], ours) for theirs, ours in places.trunk.items()}
    outputs = _outputs(found, places, state_dict)
    predict = {
        level: (reader.take(f"{prefix}weight", (n, c, 1, 1), f"prediction {level}"),
                reader.take(f"{prefix}bias", (n,), f"prediction {level}"))
        for (level, c), n, prefix in zip(found.channels.items(), outputs, places.predict, strict=True)
    }  # fmt: skip
    align = reader.vectors(places.align, found.channels)
    refine = reader.vectors(places.refine, dict(zip(found.levels, outputs, strict=True)))
    anchors = _anchors(found, places, reader)
    reader.finish()
    return Translation(found, weights, predict, align, refine, anchors)


def _spec_of(name: str, state_dict: Mapping[str, Tensor]) -> TrunkSpec:
    """The model in the dialect and with the stem that the keys show."""
    wanted = spec(name)
    dialects = {dialect for prefix, dialect in _PREFIXES.items() if any(key.startswith(prefix) for key in state_dict)}
    if len(dialects) != 1:
        raise CheckpointError(
            "not a state dict of the published code: its keys start with module_list.N (cfg) or model.i (yaml), "
            f"got {', '.join(list(state_dict)[:3]) or 'no keys'}; pass the state dict alone, not the file around it"
        )
    (dialect,) = dialects
    wavelets = any(".xfm." in key for key in state_dict)
    _refuse_contradiction(name, wanted, dialect, wavelets)
    base = name.partition(":")[0]
    if wavelets and wanted.shuffles and wanted.shuffle != "dwt":
        base = f"{wanted.name.partition(':')[0]}-dwt"
    return spec(f"{base}:{dialect}")


def _refuse_contradiction(name: str, wanted: TrunkSpec, dialect: Dialect, wavelets: bool) -> None:
    layout = "darknet cfg" if dialect == "D" else "yaml"
    if ":" in name and wanted.dialect != dialect:
        raise CheckpointError(
            f"{name} asks for dialect {wanted.dialect}, the keys are of the {layout} layout, dialect {dialect}"
        )
    if (dialect == "D" and (wanted.down == "csp" or wanted.block == "c3")) or (dialect == "T" and wanted.spp_tail > 1):
        raise CheckpointError(f"{name} was never published in the {layout} layout, which these keys have")
    if dialect == "T" and wanted.shuffle == "dwt" and not wavelets:
        raise CheckpointError(
            f"{name} starts with a wavelet transform, but the state dict has no wavelet filters: the published code "
            f"then ran ReOrg instead; import it as {name.replace('-dwt', '')}"
        )


def _places(found: TrunkSpec, trunk: Trunk, state_dict: Mapping[str, Tensor]) -> Places:
    if found.dialect == "T":
        align, refine = (any(f".{part}." in key for key in state_dict) for part in ("ia", "im"))
        return yaml_places(trunk, align=align, refine=refine)
    codes = {int(match[1]): tensor for key, tensor in state_dict.items() if (match := _CODE.fullmatch(key))}
    # The cfg lists additive codes first. If there are too few for both kinds, the width of the first tells which.
    both = len(codes) > len(found.levels)
    additive = bool(codes) and codes[min(codes)].numel() == found.channels[found.levels[0]]
    return cfg_places(trunk, align=both or additive, refine=both or (bool(codes) and not additive))


def _outputs(found: TrunkSpec, places: Places, state_dict: Mapping[str, Tensor]) -> list[int]:
    """A·(5+K) of each level; K is that of the first level whose prediction is there, of COCO if none is."""
    per_anchor = BOX_OUTPUTS + COCO_CLASSES
    for prefix, anchors in zip(places.predict, found.anchors, strict=True):
        bias = state_dict.get(f"{prefix}bias")
        if bias is not None:
            per_anchor = max(bias.numel() // len(anchors), BOX_OUTPUTS + 1)
            break
    return [len(anchors) * per_anchor for anchors in found.anchors]


def _anchors(found: TrunkSpec, places: Places, reader: _Reader) -> dict[str, Tensor] | None:
    if places.anchors is None:
        return None
    levels, count = len(found.levels), len(found.anchors[0])
    grid = reader.take(places.anchors, (levels, 1, count, 1, 1, 2), "anchors in pixels")
    reader.constants(places.constants)
    return dict(zip(found.levels, grid.reshape(levels, count, 2), strict=True))


class _Reader:
    """Hands tensors out by key and shape, and knows in the end what was wrong and what is left."""

    def __init__(self, name: str, state_dict: Mapping[str, Tensor]) -> None:
        self.name = name
        self.left = dict(state_dict)
        self.problems: list[str] = []

    def take(self, key: str, shape: tuple[int, ...], meaning: str) -> Tensor:
        """The tensor of that key, on record if it is missing or has another shape."""
        tensor = self.left.pop(key, None)
        if tensor is None:
            self.problems.append(f"missing     {key} {shape} ({meaning})")
            return torch.zeros(shape)
        if tuple(tensor.shape) != shape:
            self.problems.append(f"wrong shape {key}: got {tuple(tensor.shape)}, expected {shape} ({meaning})")
        return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor

    def vectors(self, keys: Sequence[str], widths: Mapping[str, int]) -> dict[str, Tensor] | None:
        """The codes (1, width, 1, 1) of all levels as vectors, None if there are none."""
        if not keys:
            return None
        return {
            level: self.take(key, (1, width, 1, 1), f"code {level}").flatten()
            for key, (level, width) in zip(keys, widths.items(), strict=True)
        }

    def constants(self, keys: Sequence[str]) -> None:
        """Tensors that the architecture already says: only their presence counts."""
        for key in keys:
            if self.left.pop(key, None) is None:
                self.problems.append(f"missing     {key}")

    def finish(self) -> None:
        """Raises CheckpointError unless every tensor was wanted and fitted."""
        problems = self.problems + [f"unexpected  {key} {tuple(tensor.shape)}" for key, tensor in self.left.items()]
        if problems:
            shown = "\n  ".join(problems[:SHOWN_PROBLEMS])
            more = f"\n  … and {len(problems) - SHOWN_PROBLEMS} more" if len(problems) > SHOWN_PROBLEMS else ""
            raise CheckpointError(
                f"the state dict does not hold the weights of {self.name}: {len(problems)} tensors do not fit\n"
                f"  {shown}{more}\n"
                "check the model's name; the names are those of `unified models`"
            )
