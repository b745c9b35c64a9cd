"""`unified analyze cost`: Table 7 of arXiv 2105.04206 for any model: what codes cost, and what folding gives back."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from unified.build import build_model
from unified.config import Config, read
from unified.data.sample import Taxonomy
from unified.errors import UnifiedError
from unified.model.cost import Cost, count
from unified.model.fold import fold
from unified.model.multitask import MultiTaskModel
from unified.model.places import CodedConv
from unified.ops.device import choose_device

from .figure import GREY, colour, drawn
from .report import Plot, Row, Section, folder_of, save
from .subject import codes_of, open_subject

NAME = "cost"
ROUNDS = 20
CLASSES = 80  # of COCO, where no trained model says how many

READING = (
    "Latency of one picture, each tick a measurement, the bar its median; the variants take turns, so "
    "that a slow moment slows all alike. Without codes and folded are the same operations, but for batch "
    "norms, which folding removes, too."
)


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the ways to run the same model."""

    name: str
    model: nn.Module
    parameters: int
    flops: int


def analyze(
    source: str, out: Path, overrides: Sequence[str] = (), *, device: str = "auto", rounds: int = ROUNDS
) -> Section:
    """Count and time a run's model, or the untrained model of a config for COCO's 80 classes; writes it to `out`.

    Raises:
        CheckpointError: neither a checkpoint nor a config, or a model without codes.
    """
    model, size, what = _model(source, overrides)
    codes_of(model, source)
    where = choose_device(device)
    found = variants(model, size)
    times = latencies(found, size, where, rounds)
    section = Section(NAME, "What the codes cost", f"{what}, one picture of {size} × {size} pixels on {where}")
    plot_latency(times, folder_of(out, NAME) / "latency.png")
    section.plots.append(Plot("latency.png", "Latency", READING))
    section.tables["cost"] = rows(found, times)
    if len(found) < 3:
        section.notes.append(
            "no model without codes: concat and project change the width of the convolution after them"
        )
    section.notes.append(
        "MFLOPs by the paper's convention: 2 · (multiply-accumulates + biases + 2 · batch-norm elements); an added "
        "code is free, any other costs one operation a number and position."
    )
    save(section, out)
    return section


def _model(source: str, overrides: Sequence[str]) -> tuple[MultiTaskModel, int, str]:
    if Path(source).is_dir():
        if overrides:
            raise UnifiedError("KEY=VALUE changes a config; a trained model is as it is")
        subject = open_subject(Path(source))
        return subject.model, subject.config.size, subject.describe()
    config: Config = read(source, overrides)
    taxonomy = Taxonomy(tuple(f"class {i}" for i in range(CLASSES)), tuple(range(CLASSES)))
    return (
        build_model(config, taxonomy).eval(),
        config.size,
        f"{config.name}: {', '.join(config.tasks)} on {config.trunk}",
    )


def variants(model: MultiTaskModel, size: int) -> list[Variant]:
    """With codes, without (where that is the same model otherwise), folded."""
    found = [_variant("with codes", model, size)]
    bare = without_codes(model)
    if bare is not None:
        found.insert(0, _variant("without codes", bare, size))
    return [*found, _variant("with codes, folded", fold(model), size)]


def _variant(name: str, model: nn.Module, size: int) -> Variant:
    cost: Cost = count(model, size)
    return Variant(name, model, cost.parameters, cost.flops + cost.code_operations)


def without_codes(model: MultiTaskModel) -> MultiTaskModel | None:
    """A copy that never had codes; None where a code changes the number of channels."""
    bare = copy.deepcopy(model)
    for module in bare.modules():
        if isinstance(module, CodedConv):
            if module.align is not None and module.align.out_channels != module.align.channels:
                return None
            module.align = module.refine = None
    return bare


@torch.inference_mode()
def latencies(variants: Sequence[Variant], size: int, device: torch.device, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of every round, one of each variant in turn; the first, unmeasured round warms up."""
    image = torch.rand(1, 3, size, size, device=device)
    models = {variant.name: variant.model.to(device).eval() for variant in variants}
    taken: dict[str, list[float]] = {name: [] for name in models}
    for i in range(rounds + 1):
        for name, model in models.items():
            start = time.perf_counter()
            model(image)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if i:
                taken[name].append(1e3 * (time.perf_counter() - start))
    return taken


def rows(found: Sequence[Variant], times: dict[str, list[float]]) -> list[Row]:
    """One row a variant, with the increase over the first as Table 7 prints it."""
    first = found[0]
    return [
        {
            "variant": variant.name,
            "parameters": variant.parameters,
            "more_parameters_percent": 100 * (variant.parameters / first.parameters - 1),
            "mflops": variant.flops / 1e6,
            "more_flops_percent": 100 * (variant.flops / first.flops - 1),
            "milliseconds": statistics.median(times[variant.name]),
        }
        for variant in found
    ]


def plot_latency(times: dict[str, list[float]], path: Path) -> Path:
    """Draw every measurement, and the medians."""
    with drawn(path, 6.5, 0.42 * len(times) + 0.8) as figure:
        axes = figure.subplots()
        for i, taken in enumerate(times.values()):
            axes.plot(taken, [i] * len(taken), "|", color=colour(i), markersize=9, alpha=0.7)
            median = statistics.median(taken)
            axes.plot([median, median], [i - 0.32, i + 0.32], color=colour(i), linewidth=2.5)
            axes.text(median, i - 0.36, f"{median:.1f} ms", ha="center", va="bottom", fontsize=7, color=GREY)
        axes.set_yticks(range(len(times)), list(times))
        axes.set_ylim(len(times) - 0.5, -0.7)
        axes.set_xlim(left=0)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("milliseconds a picture")
    return path
