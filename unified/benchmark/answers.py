"""From pictures to results: trunk, head and decoding together, in every way of decoding that a task has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import timm
import torch

from unified.benchmark.timing import CALIBRATION, Call, Timing, time_in_turns
from unified.evaluate import Inference
from unified.model.multitask import MultiTaskModel
from unified.ops.frame import Frame
from unified.train.precision import Precision


def benchmark_answers(
    name: str, model: MultiTaskModel, *, size: int, batch: int, device: torch.device, precision: Precision, rounds: int
) -> list[Timing]:
    """Results a second, of each task in each of its ways, folded and in the device's best precision."""
    inference = Inference.of(model, device, precision)
    calibration = timm.create_model("resnet18").to(device).eval()
    images = torch.rand(batch, 3, size, size, device=device)
    fast_images = images.to(memory_format=precision.memory_format)
    frames = [Frame.identity((size, size))] * batch

    @torch.inference_mode()
    def unit() -> Any:
        return calibration(images)

    @torch.inference_mode()
    def answer(task: str, way: str) -> Sequence[Any]:
        network = inference.model.task(task)
        with precision.autocast(device):
            raw = network(inference.model.trunk(fast_images))
        return network.ways()[way](raw, frames)

    calls: dict[str, Call] = {CALIBRATION: unit}
    for task in inference.model.tasks:
        for way in inference.model.task(task).ways():
            calls[f"{task}: {way}"] = lambda task=task, way=way: answer(task, way)  # type: ignore[misc]
    times = time_in_turns(calls, device, rounds)
    return [
        Timing.of(variant, taken, times[CALIBRATION], model=name, mode="answers", size=size, batch=batch)
        for variant, taken in times.items()
    ]
