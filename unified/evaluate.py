"""Evaluate: a model over a data set, scored by every task's own metric."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from unified.build import load_model, same_classes, validation_loader, workers_of
from unified.build_data import open_data
from unified.data.sample import Batch, Record, Sample, network_input
from unified.errors import DataError
from unified.model.fold import fold
from unified.model.multitask import MultiTaskModel
from unified.ops.device import choose_device
from unified.task import Prediction, Raw, Regions, Result, ScoredBoxes, Scores, Task
from unified.train.precision import Precision

Progress = Callable[[int, int], None]  # pictures done, pictures in all

SHUFFLED = "a control: each picture scored by the labels of another, so these are scores without looking"


@dataclass(frozen=True, slots=True)
class Inference:
    """A model ready to answer: folded, in eval mode, on its device, in the precision that the device is good at."""

    model: MultiTaskModel
    device: torch.device
    precision: Precision

    @classmethod
    def of(cls, model: MultiTaskModel, device: torch.device, precision: Precision) -> Inference:
        """`model` itself stays as it is; a folded copy is used."""
        folded = fold(model).to(device).to(memory_format=precision.memory_format)
        precision.cast_weights(folded.trunk)  # heads go on in float32 where they decode
        return cls(folded, device, precision)

    @torch.no_grad()  # not inference_mode, whose tensors nobody may change
    def __call__(
        self, batch: Batch, *, score: float | None = None, boxes: Sequence[Tensor] | None = None
    ) -> list[Prediction]:
        """One prediction a picture, in original pixels.

        Results below `score` are left out; None = each task's own choice. `boxes` as in `answer`.
        """
        images = network_input(batch.images, self.device).to(memory_format=self.precision.memory_format)
        with self.precision.autocast(self.device):
            raw = self.model(images)
        tasks = {name: self.model.task(name) for name in raw}
        return answer(tasks, raw, batch.samples, score=score, boxes=boxes)

    def over(self, batches: Iterable[Batch], *, score: float | None = None) -> Iterator[tuple[Batch, list[Prediction]]]:
        """Batch by batch, each with its predictions."""
        for batch in batches:
            yield batch, self(batch, score=score)


def answer(
    tasks: Mapping[str, Task],
    raw: Mapping[str, Raw],
    samples: Sequence[Sample],
    *,
    score: float | None = None,
    boxes: Sequence[Tensor] | None = None,
) -> list[Prediction]:
    """Raw outputs by task → one prediction a picture: every task decodes, then describes the boxes that were found.

    `boxes`, (N, 4) xyxy in original pixels a picture, are described in place of those found, and what finds boxes is
    left out of the answer: its rows would not be theirs.
    """
    frames = [sample.frame for sample in samples]
    decoded = {name: task.decode(raw[name], frames, score=score) for name, task in tasks.items()}
    if boxes is None:
        regions = [regions_of([found[i] for found in decoded.values()], s.record) for i, s in enumerate(samples)]
    else:
        regions = [Regions(given) for given in boxes]
        decoded = {name: found for name, found in decoded.items() if not isinstance(found[0], ScoredBoxes)}
    results = {name: tasks[name].describe(raw[name], found, frames, regions) for name, found in decoded.items()}
    return [
        Prediction(
            {name: found[i] for name, found in results.items()},
            source=str(sample.record.path),
            size=sample.record.size,
            image_id=sample.record.image_id,
        )
        for i, sample in enumerate(samples)
    ]


def regions_of(results: Sequence[Result], record: Record) -> Regions:
    """The boxes of the first result that has some, and those of the labels."""
    found = next((result.boxes for result in results if isinstance(result, ScoredBoxes)), torch.zeros(0, 4))
    objects = record.labels.objects
    return Regions(found, None if objects is None else objects.boxes.as_subclass(Tensor).float())


def evaluate(
    inference: Inference, batches: Iterable[Batch], *, total: int = 0, progress: Progress | None = None
) -> dict[str, Scores]:
    """Scores by task. Predictions are not kept: of a large data set they would fill the memory."""
    metrics = {name: inference.model.task(name).metric() for name in inference.model.tasks}
    done = 0
    for batch, found in inference.over(batches):
        for name, metric in metrics.items():
            metric.update(found, [sample.seen_by(name) for sample in batch.samples])
        done += len(found)
        if progress is not None:
            progress(done, total)
    return {name: metric.compute() for name, metric in metrics.items()}


def evaluate_run(
    path: Path,
    overrides: Sequence[str] = (),
    *,
    split: str = "val",
    device: str | None = None,
    precision: str | None = None,
    shuffle_pictures: bool = False,
    progress: Progress | None = None,
) -> dict[str, Scores]:
    """Score the best checkpoint of a run, or the checkpoint given, on a split of its data set, as in `open_data`.

    `overrides` go over the run's config: `data=PATH` for another data set, `size=640`, `train.workers=0`, options of
    tasks that need no other weights, `device=cpu`, `train.precision=float32`; the latter two may be given as `device`
    and `precision`, too.
    With `shuffle_pictures`, what the model says of each picture is scored by the labels of another: what is left is
    what it says without looking.

    Raises:
        DataError: the data set has other classes than the checkpoint; both lists are shown.
    """
    model, config, taxonomy = load_model(path, overrides)
    dataset = open_data(config, split)
    same_classes(dataset.taxonomy, taxonomy, "data set", "checkpoint")
    where = choose_device(device or config.device)
    workers = workers_of(config.train.workers, where, pictures=len(dataset))
    loader = validation_loader(
        dataset, size=config.size, batch=config.train.batch, workers=workers, device=where, shuffle=shuffle_pictures
    )
    inference = Inference.of(model, where, Precision.choose(where, precision or config.train.precision))
    batches = mismatched(loader.epoch(0)) if shuffle_pictures else loader.epoch(0)
    scores = evaluate(inference, batches, total=len(dataset), progress=progress)
    for found in scores.values() if shuffle_pictures else ():
        found.notes["pictures"] = SHUFFLED
    return scores


def mismatched(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Each picture's labels with the picture before it, the first's with the last: none with its own.

    The batches come in random order, or neighbours may be much alike. DataError for a single picture.
    """
    first: Sample | None = None
    before: Tensor | None = None
    pictures = 0
    for batch in batches:
        samples, images = list(batch.samples), batch.images[:-1]
        if before is None:
            first, *samples = samples
        else:
            images = torch.cat([before[None], images])
        before = batch.images[-1]
        if samples:
            yield _shown(images, samples)
        pictures += len(batch.samples)
    if first is None or before is None or pictures < 2:
        raise DataError(f"to shuffle pictures takes two of them at least, got {pictures}")
    yield _shown(before[None], [first])


def _shown(images: Tensor, samples: Sequence[Sample]) -> Batch:
    return Batch(images, [replace(sample, image=image) for image, sample in zip(images, samples, strict=True)])
