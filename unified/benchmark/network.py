"""How long forward passes and training steps of a model take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import timm
import torch
from torch import Tensor, nn

from unified.benchmark.memory import peak_memory
from unified.benchmark.timing import CALIBRATION, Call, Taken, Timing, time_in_turns
from unified.errors import ConfigError
from unified.evaluate import Inference
from unified.model.fold import fold
from unified.model.multitask import MultiTaskModel
from unified.task import Target
from unified.train.optim import sgd
from unified.train.precision import Precision


def benchmark_inference(
    name: str, model: MultiTaskModel, *, size: int, batch: int, device: torch.device, precision: Precision, rounds: int
) -> list[Timing]:
    """Forward passes: plain float32, folded float32, folded in the device's best precision and memory format."""
    images = torch.rand(batch, 3, size, size, device=device)
    plain = model.to(device).eval()
    folded = fold(plain)
    best = Inference.of(plain, device, precision).model
    fast_images = images.to(memory_format=precision.memory_format)

    @torch.inference_mode()
    def run(network: nn.Module, x: Tensor, autocast: bool) -> Any:
        with precision.autocast(device) if autocast else torch.autocast(device.type, enabled=False):
            return network(x)

    best_name = f"folded {precision.describe()}"
    calls: dict[str, Call] = {
        CALIBRATION: lambda: run(calibration, images, False),
        "float32": lambda: run(plain, images, False),
        "folded float32": lambda: run(folded, images, False),
        best_name: lambda: run(best, fast_images, True),
    }
    calibration = timm.create_model("resnet18").to(device).eval()
    times = time_in_turns(calls, device, rounds)
    difference = {best_name: relative_difference(calls["float32"](), calls[best_name]())}
    peaks = {variant: peak_memory(calls[variant], device) for variant in calls}
    return _rows(name, "inference", times, size, batch, peaks=peaks, difference=difference)


def benchmark_training(
    name: str, make: Callable[[], MultiTaskModel], *, size: int, batch: int, device: torch.device, precision: Precision,
    rounds: int, targets: dict[str, Target],
) -> list[Timing]:  # fmt: skip
    """Training steps (forward, losses, backward, SGD): plain float32 and the device's best precision."""
    images = torch.rand(batch, 3, size, size, device=device)

    def stepper(network: nn.Module, x: Tensor, loss_of: Callable[[nn.Module, Tensor], Tensor], mixed: bool) -> Call:
        network.to(device).train()
        optimiser = sgd(network, lr=1e-6, momentum=0.9, weight_decay=0.0)

        def step() -> None:
            with precision.autocast(device) if mixed else torch.autocast(device.type, enabled=False):
                loss = loss_of(network, x)
            loss.backward()
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

        return step

    def joint(network: nn.Module, x: Tensor) -> Tensor:
        losses = network(x, targets)
        if silent := [task for task, parts in losses.items() if not parts]:
            raise ConfigError(
                f"a training step of {', '.join(silent)} cannot be timed: no loss on planted labels, which are boxes, "
                "classes, identities and a caption; time inference or answers instead"
            )
        return torch.stack([value for parts in losses.values() for value in parts.values()]).sum()

    torch.manual_seed(0)
    best = make().to(memory_format=precision.memory_format)
    fast_images = images.to(memory_format=precision.memory_format)
    calls = {
        CALIBRATION: stepper(timm.create_model("resnet18"), images, lambda m, x: m(x).square().mean(), False),
        "float32": stepper(make(), images, joint, False),
        precision.describe(): stepper(best, fast_images, joint, True),
    }
    times = time_in_turns(calls, device, rounds)
    peaks = {variant: peak_memory(call, device) for variant, call in calls.items()}
    return _rows(name, "train", times, size, batch, peaks=peaks)


def relative_difference(a: Any, b: Any) -> float:
    """Largest root-mean-square difference of two raw outputs, each in standard deviations of the first."""
    if isinstance(a, Tensor):
        return float((a.float() - b.float()).square().mean().sqrt() / a.float().std().clamp(min=1e-12))
    pairs = zip(a.values(), b.values(), strict=True) if isinstance(a, dict) else zip(a, b, strict=True)
    return max(relative_difference(x, y) for x, y in pairs)


def _rows(
    name: str, mode: str, times: dict[str, Taken], size: int, batch: int, *,
    peaks: dict[str, float | None], difference: dict[str, float] | None = None,
) -> list[Timing]:  # fmt: skip
    return [
        Timing.of(
            *(variant, taken, times[CALIBRATION]),
            model=name,
            mode=mode,
            size=size,
            batch=batch,
            plain=None if variant == CALIBRATION else times["float32"],
            peak_megabytes=peaks[variant],
            difference=(difference or {}).get(variant),
        )
        for variant, taken in times.items()
    ]
