"""Where the published state dicts keep what, in their two layouts.

    cfg    `module_list.N.…`, N the number of a section of the darknet cfg (branch main; dialect D)
    yaml   `model.i.…`, i the number of a line of the yaml (branch paper, Scaled-YOLOv4, U5R5; dialect T)

Both number the layers without tensors too (route, shortcut, upsample, concat …). The walks below list those as None, so
that the position in the list is the number in the key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import nn

from unified.model.blocks import Conv, DownConv, DownCsp, Dwt, ReOrg, Residual, Unit
from unified.model.csp import Csp, Csp2, CspSpp
from unified.model.neck import BottomUp, TopDown
from unified.model.trunk import Trunk
from unified.model.u5r5 import C3, C3BottomUp, C3TopDown, Focus, Spp

Order = Mapping[type[nn.Module], tuple[str | None, ...]]  # submodules and layers without tensors, as they are numbered


@dataclass(frozen=True, slots=True)
class Places:
    """Published keys of one model. Levels run from the finest to the coarsest."""

    trunk: Mapping[str, str]
    """Published key → key in the trunk's own state dict."""
    predict: tuple[str, ...]
    """A level's 1×1 convolution: followed by "weight" and "bias"."""
    align: tuple[str, ...]
    refine: tuple[str, ...]
    anchors: str | None = None
    """Of shape (levels, 1, A, 1, 1, 2), pixels."""
    constants: tuple[str, ...] = ()
    """Buffers that follow from the architecture: wavelet filters, anchors in grid units."""


CFG_ORDER: Order = {
    Csp: ("short", None, "main", "units", "transition", None, "close"),
    Csp2: ("main", "short", None, "units", None, "close"),
    CspSpp: ("short", None, "main", "conv1", "conv2", *[None] * 6, "merge", "conv3", "tail", None, "close"),
    TopDown: ("reduce", None, None, "lateral", None, "csp"),
    BottomUp: ("down", None, "csp"),
    ReOrg: (None,),
    Dwt: (None,),
}


def cfg_places(trunk: Trunk, *, align: bool, refine: bool) -> Places:
    """Sections of backbone and neck, then all codes, then per level: route, head, [shift], predict, [control], yolo."""
    sections = [*_cfg_sections(trunk.backbone, "backbone"), *_cfg_sections(trunk.neck, "neck")]
    levels = list(trunk.channels)
    codes: dict[str, list[int]] = {"align": [], "refine": []}
    for kind, present in (("align", align), ("refine", refine)):
        if present:
            codes[kind] = list(range(len(sections), len(sections) + len(levels)))
            sections += [None] * len(levels)
    predict = []
    for level in levels:
        sections += [None, f"head.{level}"] + [None] * align
        predict.append(len(sections))
        sections += [None] + [None] * refine + [None]
    keys = {}
    for n, path in enumerate(sections):
        if path is not None:
            for ours in trunk.get_submodule(path).state_dict():
                theirs = ours.replace("conv.", "Conv2d.", 1).replace("bn.", "BatchNorm2d.", 1)
                keys[f"module_list.{n}.{theirs}"] = f"{path}.{ours}"
    return Places(
        trunk=keys,
        predict=tuple(f"module_list.{n}.Conv2d." for n in predict),
        align=tuple(f"module_list.{n}.implicit" for n in codes["align"]),
        refine=tuple(f"module_list.{n}.implicit" for n in codes["refine"]),
    )


def _cfg_sections(module: nn.Module, path: str) -> Iterator[str | None]:
    """The path of every convolution, None for every other section."""
    if isinstance(module, Conv):
        yield path
        return
    children = CFG_ORDER.get(type(module), tuple(name for name, _ in module.named_children()))
    for child in children:
        if child is None:
            yield None
        else:
            yield from _cfg_sections(module.get_submodule(child), f"{path}.{child}")
    if isinstance(module, Unit) and module.shortcut:
        yield None


YAML_ORDER: Order = {
    TopDown: ("reduce", None, "lateral", None, "csp"),
    BottomUp: ("down", None, "csp"),
    C3TopDown: ("reduce", None, None, "c3"),
    C3BottomUp: ("down", None, "c3"),
}

# The blocks that are one line each; "joint.bn" is "bn" everywhere.
YAML_NAMES: Mapping[type[nn.Module], Mapping[str, str]] = {
    Conv: {},
    DownConv: {},
    ReOrg: {},
    Dwt: {},
    Focus: {},
    Residual: {"conv1": "cv1", "conv2": "cv2"},
    Csp: {
        "main": "cv1",
        "short": "cv2",
        "transition": "cv3",
        "close": "cv4",
        "units": "m",
        "conv1": "cv1",
        "conv2": "cv2",
    },
    Csp2: {"main": "cv1", "short": "cv2", "close": "cv3", "units": "m", "conv1": "cv1", "conv2": "cv2"},
    CspSpp: {
        "main": "cv1",
        "short": "cv2",
        "conv1": "cv3",
        "conv2": "cv4",
        "merge": "cv5",
        "conv3": "cv6",
        "close": "cv7",
    },
    DownCsp: {"conv1": "cv1", "conv2": "cv2", "pooled": "cv3"},
    C3: {"main": "cv1", "short": "cv2", "close": "cv3", "units": "m", "conv1": "cv1", "conv2": "cv2"},
    Spp: {"reduce": "cv1", "close": "cv2"},
}


def yaml_places(trunk: Trunk, *, align: bool, refine: bool) -> Places:
    """A line for every block; the head of a level follows its neck block; the last line holds predictions and codes."""
    lines = list(_yaml_lines(trunk))
    keys = {}
    constants = []
    for i, path in enumerate(lines):
        if path is None:
            continue
        block = trunk.get_submodule(path)
        if isinstance(block, Dwt):
            constants += [f"model.{i}.xfm.{filter}" for filter in ("h0_col", "h1_col", "h0_row", "h1_row")]
        for ours in block.state_dict():
            keys[f"model.{i}.{_yaml_name(block, ours)}"] = f"{path}.{ours}"
    detect, levels = f"model.{len(lines)}.", range(len(trunk.channels))
    return Places(
        trunk=keys,
        predict=tuple(f"{detect}m.{level}." for level in levels),
        align=tuple(f"{detect}ia.{level}.implicit" for level in levels) if align else (),
        refine=tuple(f"{detect}im.{level}.implicit" for level in levels) if refine else (),
        anchors=f"{detect}anchor_grid",
        constants=(*constants, f"{detect}anchors"),
    )


def _yaml_lines(trunk: Trunk) -> Iterator[str | None]:
    """The path of the block in each line, None for lines that are no module of ours."""
    yield from _blocks(trunk.backbone, "backbone")
    for name, part in trunk.neck.named_children():
        if name != "pan":
            yield from _blocks(part, f"neck.{name}")
    pan = dict(trunk.neck.get_submodule("pan").named_children())
    for level in trunk.channels:
        if level in pan:
            yield from _blocks(pan[level], f"neck.pan.{level}")
        if level in trunk.head:
            yield f"head.{level}"


def _blocks(module: nn.Module, path: str) -> Iterator[str | None]:
    if type(module) in YAML_NAMES:
        yield path
        return
    for child in YAML_ORDER.get(type(module), tuple(name for name, _ in module.named_children())):
        if child is None:
            yield None
        else:
            yield from _blocks(module.get_submodule(child), f"{path}.{child}")


def _yaml_name(block: nn.Module, key: str) -> str:
    names = {"joint": "", **YAML_NAMES[type(block)]}
    return ".".join(part for part in (names.get(part, part) for part in key.split(".")) if part)
