"""Benchmark: inference, training step and loader, as ratios within one run.

Seconds differ from machine to machine and from minute to minute. So everything is timed in turns within one run
(one call of each variant a round, medians over the rounds) beside a calibration unit: timm's resnet18, float32, eager,
at the same size and batch. What to compare between machines is the ratio to that unit, and the speed-up over the
same model in plain float32.
"""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import timm
import torch
from torch import Tensor, nn

from unified import registry
from unified.build import levels_of
from unified.data.augment import Augment
from unified.data.dataset import open_dataset
from unified.data.loader import Loader
from unified.data.sample import Labels, Objects, Record, Sample, Taxonomy
from unified.data.shapes import make_shapes
from unified.model.fold import fold
from unified.model.multitask import MultiTaskModel
from unified.model.trunk import build_trunk
from unified.ops.device import choose_device
from unified.ops.frame import Frame
from unified.task import Target
from unified.train.precision import Precision

CALIBRATION = "resnet18 (timm) float32"
COCO = Taxonomy(tuple(f"class {i}" for i in range(80)), tuple(range(80)))
LOADER_SECONDS = 8.0
LOADER_BATCH = 16
PEAK_SECONDS = 300.0  # after which a forked call counts as hanging
Call = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Timing:
    """One variant in one mode. `unit` is how many calibration units one picture costs; `speedup` over plain float32."""

    model: str
    mode: str
    variant: str
    size: int
    batch: int
    milliseconds: float
    images_per_second: float
    unit: float
    speedup: float | None = None
    peak_megabytes: float | None = None
    difference: float | None = None  # of raw outputs from float32, in their standard deviations

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def run(
    models: Sequence[str],
    *,
    size: int = 640,
    batch: int = 1,
    mode: str = "inference",
    tasks: Sequence[str] = ("detection",),
    data: Path | None = None,
    workers: int = 2,
    rounds: int = 5,
    device: str = "auto",
) -> list[Timing]:
    """Time trunks by name with the default heads of `tasks`, and the training loader on `data` (generated if None).

    `mode` is inference, train, loader or all.
    """
    where = choose_device(device)
    precision = Precision.choose(where)
    shared: dict[str, Any] = {"size": size, "device": where, "rounds": rounds}
    timings: list[Timing] = []
    for name in models if mode != "loader" else ():

        def make(name: str = name) -> MultiTaskModel:
            return _model(name, tasks)

        if mode in ("inference", "all"):
            timings += benchmark_inference(name, make(), batch=batch, precision=precision, **shared)
        if mode in ("train", "all"):
            samples = planted_samples(batch, size, COCO)
            targets = {task: on(make().task(task).encode(samples), where) for task in tasks}
            timings += benchmark_training(name, make, batch=batch, precision=precision, targets=targets, **shared)
    if mode in ("loader", "all"):
        with TemporaryDirectory() as folder:
            root = data or _shapes(Path(folder), size)
            loader = Loader(
                open_dataset(root, "train"), Augment(size), batch=LOADER_BATCH, workers=workers, shuffle=True
            )
            timings += benchmark_loader(loader, size=size, workers=workers, device=where, rounds=rounds)
    return timings


def _model(name: str, tasks: Sequence[str]) -> MultiTaskModel:
    torch.manual_seed(0)
    trunk = build_trunk(name)
    return MultiTaskModel(trunk, {task: registry.load(task).task(levels_of(trunk), COCO) for task in tasks})


def _shapes(root: Path, size: int) -> Path:
    make_shapes(root, train=128, val=8, size=size)
    return root


def benchmark_inference(
    name: str, model: MultiTaskModel, *, size: int, batch: int, device: torch.device, precision: Precision, rounds: int
) -> list[Timing]:
    """Forward passes: plain float32, folded float32, folded in the device's best precision and memory format."""
    images = torch.rand(batch, 3, size, size, device=device)
    plain = model.to(device).eval()
    folded = fold(plain)
    best = fold(plain).to(memory_format=precision.memory_format)
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
        optimiser = torch.optim.SGD(network.parameters(), lr=1e-6, momentum=0.9, nesterov=True)

        def step() -> None:
            with precision.autocast(device) if mixed else torch.autocast(device.type, enabled=False):
                loss = loss_of(network, x)
            loss.backward()
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

        return step

    def joint(network: nn.Module, x: Tensor) -> Tensor:
        losses = network(x, targets)
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


def benchmark_loader(
    loader: Loader, *, size: int, workers: int, device: torch.device, rounds: int, seconds: float = LOADER_SECONDS
) -> list[Timing]:
    """Augmented pictures a second from `loader`, beside the inference of the calibration unit (batch 1)."""
    calibration = timm.create_model("resnet18").to(device).eval()
    image = torch.rand(1, 3, size, size, device=device)

    @torch.inference_mode()
    def unit() -> None:
        calibration(image)

    unit_ms = time_in_turns({CALIBRATION: unit}, device, rounds)[CALIBRATION]
    loaded, epoch, started = 0, 0, 0.0
    while not started or time.perf_counter() - started < seconds:
        for batch in loader.epoch(epoch):
            if not started:  # the first batch pays for starting the workers
                started = time.perf_counter()
                continue
            loaded += len(batch.samples)
            if time.perf_counter() - started > seconds:
                break
        epoch += 1
    milliseconds = 1e3 * (time.perf_counter() - started) / max(loaded, 1)
    common = {"model": "loader", "mode": "loader", "size": size, "batch": 1}
    return [
        Timing(variant=CALIBRATION, milliseconds=unit_ms, images_per_second=1e3 / unit_ms, unit=1.0, **common),  # type: ignore[arg-type]
        Timing(
            variant=f"{workers} workers", milliseconds=milliseconds, images_per_second=1e3 / milliseconds,
            unit=milliseconds / unit_ms, **common,  # type: ignore[arg-type]
        ),
    ]  # fmt: skip


def on(target: Target, device: torch.device) -> Target:
    """The target on the device."""
    return {key: value.to(device) for key, value in target.items()}


def time_in_turns(calls: dict[str, Call], device: torch.device, rounds: int) -> dict[str, float]:
    """Median milliseconds of each call, one call of each a round so that a slow minute slows all alike."""
    for call in calls.values():
        call()
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            _wait(device)
            start = time.perf_counter()
            call()
            _wait(device)
            taken[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(times) for name, times in taken.items()}


def relative_difference(a: Any, b: Any) -> float:
    """Largest root-mean-square difference of two raw outputs, each in standard deviations of the first."""
    if isinstance(a, Tensor):
        return float((a.float() - b.float()).square().mean().sqrt() / a.float().std().clamp(min=1e-12))
    pairs = zip(a.values(), b.values(), strict=True) if isinstance(a, dict) else zip(a, b, strict=True)
    return max(relative_difference(x, y) for x, y in pairs)


def peak_memory(call: Call, device: torch.device) -> float | None:
    """Megabytes at the peak of one call: of the device on CUDA, of a forked process on Linux's CPU, else unknown."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        call()
        return torch.cuda.max_memory_allocated(device) / 2**20
    if sys.platform != "linux":
        return None
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_call_and_tell_peak, args=(call, sender))
    process.start()
    sender.close()
    try:
        return float(receiver.recv()) if receiver.poll(PEAK_SECONDS) else None
    except EOFError:  # it died: most likely of what it was to measure
        return None
    finally:
        process.kill()
        process.join()


def _call_and_tell_peak(call: Call, sender: Any) -> None:
    # OpenMP's threads do not survive a fork; memory does not depend on their number.
    torch.set_num_threads(1)
    call()
    sender.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _rows(
    name: str, mode: str, times: dict[str, float], size: int, batch: int, *,
    peaks: dict[str, float | None], difference: dict[str, float] | None = None,
) -> list[Timing]:  # fmt: skip
    return [
        Timing(
            model=name,
            mode=mode,
            variant=variant,
            size=size,
            batch=batch,
            milliseconds=taken,
            images_per_second=1e3 * batch / taken,
            unit=taken / times[CALIBRATION],
            speedup=None if variant == CALIBRATION else times["float32"] / taken,
            peak_megabytes=peaks[variant],
            difference=(difference or {}).get(variant),
        )
        for variant, taken in times.items()
    ]


def planted_samples(batch: int, size: int, taxonomy: Taxonomy, *, objects: int = 8) -> list[Sample]:
    """Samples with random boxes, to time losses on."""
    generator = torch.Generator().manual_seed(0)
    samples = []
    for i in range(batch):
        corner = torch.rand(objects, 2, generator=generator) * size * 0.6
        extent = (0.05 + 0.35 * torch.rand(objects, 2, generator=generator)) * size
        kinds = torch.randint(len(taxonomy), (objects,), generator=generator)
        labels = Labels(Objects.make(torch.cat([corner, corner + extent], 1), kinds, (size, size)))
        record = Record(i, Path(), (size, size), labels)
        samples.append(Sample(torch.zeros(3, 1, 1, dtype=torch.uint8), labels, Frame.identity((size, size)), record))
    return samples
