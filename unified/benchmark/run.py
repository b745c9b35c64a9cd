"""What `unified benchmark` times, and on which model, labels and data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from unified import registry
from unified.benchmark.answers import benchmark_answers
from unified.benchmark.loader import benchmark_loader
from unified.benchmark.network import benchmark_inference, benchmark_training
from unified.benchmark.timing import Timing
from unified.build import levels_of, load_model
from unified.data.augment import Augment
from unified.data.dataset import open_dataset
from unified.data.loader import Loader
from unified.data.sample import Labels, Objects, Record, Sample, Taxonomy
from unified.data.shapes import make_shapes
from unified.model.multitask import MultiTaskModel
from unified.model.trunk import build_trunk
from unified.ops.device import choose_device
from unified.ops.frame import Frame
from unified.task import Target
from unified.train.precision import Precision

COCO = Taxonomy(tuple(f"class {i}" for i in range(80)), tuple(range(80)))
LOADER_BATCH = 16


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

    `mode` is inference, train, answers, loader or all. With answers, a model may also be the folder of a run: then its
    own size and tasks count.
    """
    where = choose_device(device)
    precision = Precision.choose(where)
    shared: dict[str, Any] = {"size": size, "device": where, "rounds": rounds}
    timings: list[Timing] = []
    for name in models if mode != "loader" else ():
        if mode == "answers" and Path(name).is_dir():
            trained, config, _ = load_model(name)
            own = shared | {"size": config.size}
            timings += benchmark_answers(name, trained, batch=batch, precision=precision, **own)
            continue

        def make(name: str = name) -> MultiTaskModel:
            return _model(name, tasks)

        if mode in ("inference", "all"):
            timings += benchmark_inference(name, make(), batch=batch, precision=precision, **shared)
        if mode in ("answers", "all"):
            timings += benchmark_answers(name, make(), batch=batch, precision=precision, **shared)
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


def on(target: Target, device: torch.device) -> Target:
    """The target on the device."""
    return {key: value.to(device) for key, value in target.items()}


def planted_samples(batch: int, size: int, taxonomy: Taxonomy, *, objects: int = 8) -> list[Sample]:
    """Samples with random boxes, two of each identity, and a caption, to time losses on."""
    generator = torch.Generator().manual_seed(0)
    samples = []
    for i in range(batch):
        corner = torch.rand(objects, 2, generator=generator) * size * 0.6
        extent = (0.05 + 0.35 * torch.rand(objects, 2, generator=generator)) * size
        kinds = torch.randint(len(taxonomy), (objects,), generator=generator)
        boxes, pairs = torch.cat([corner, corner + extent], 1), torch.arange(objects) // 2
        planted = Objects.make(boxes, kinds, (size, size), identities=pairs)
        labels = Labels(planted, captions=("things on a plain ground",))
        record = Record(i, Path(), (size, size), labels)
        samples.append(Sample(torch.zeros(3, 1, 1, dtype=torch.uint8), labels, Frame.identity((size, size)), record))
    return samples
