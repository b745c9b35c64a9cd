"""Wiring of data: a config → data sets, which labels are for which tasks, and the views that the training sees."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from unified import registry
from unified.config import Config
from unified.data.audience import Audience
from unified.data.augment import Augment
from unified.data.dataset import Dataset, open_dataset
from unified.data.joined import Part, join
from unified.data.sample import Sample
from unified.data.views import Views
from unified.errors import DataError
from unified.model.multitask import MultiTaskModel
from unified.ops.frame import Frame

WEAK_SHARE = 0.5  # of the pictures, where a task has weak views only


def open_data(config: Config, split: str) -> Dataset:
    """The data set of `config`; of several sources, all as one.

    "train" and "val" are the splits that the config, or the source, calls so; any other name is that of the split.

    Raises:
        ConfigError: the config has no data.
        DataError: faults in the annotations, or sources of different classes.
    """
    data = config.dataset()
    found = {}
    for name, source in data.parts().items():
        own = {"train": source.train, "val": source.val}.get(split, split)
        tasks = list(config.tasks) if source.tasks is None else source.tasks
        dataset = open_dataset(source.path, own, on_error=data.on_error, format=source.format)
        found[name] = Part(dataset, tasks, any(map(registry.reads_objects, tasks)))
    if data.sources is None:
        return next(iter(found.values())).dataset
    return join(found, list(config.tasks), split)


def with_labels_kept(config: Config, dataset: Dataset) -> Dataset:
    """The training data with the share of labels that `train.keep_labels` leaves to each task.

    Pictures that no task keeps a label of are left out: they would take a place in the batch, and teach nothing.
    """
    if not (shares := config.train.keep_labels):
        return dataset
    tasks = list(config.tasks)
    whole = dataset.audience or Audience.of_parts(tasks, [(len(dataset), tasks)])
    audience = whole.keeping(shares, config.train.seed)
    return dataset.limited(audience).chosen(audience.labelled())


def check_labels(model: MultiTaskModel, dataset: Dataset) -> None:
    """
    Raises:
        DataError: a task that no picture is labelled for, or a source whose pictures are labelled for no task.
    """
    found = {name: set(_labelled_tasks(model, dataset, rows)) for name, rows in _rows(dataset)}
    for name, tasks in found.items():
        if not tasks:
            raise DataError(
                f"data set {name}, {dataset.split}: not one of its {dataset.parts[name]} pictures is labelled for any "
                f"of the tasks {', '.join(model.tasks)}; see what it holds with 'unified data check', look at "
                "data.sources and train.keep_labels, or leave it out"
            )
    for task in model.tasks:
        if not any(task in tasks for tasks in found.values()):
            raise DataError(
                f"task {task}: no picture is labelled for it, in {dataset.name}, {dataset.split}; add a data set that "
                f"is (data.sources), or leave the task out: tasks.{task}=false"
            )


def unscored(model: MultiTaskModel, dataset: Dataset) -> list[str]:
    """The tasks that no picture is labelled for."""
    labelled = set(_labelled_tasks(model, dataset, range(len(dataset))))
    return [name for name in model.tasks if name not in labelled]


def _rows(dataset: Dataset) -> Iterator[tuple[str, range]]:
    """The pictures of each source."""
    start = 0
    for name, count in dataset.parts.items():
        yield name, range(start, start + count)
        start += count


def _labelled_tasks(model: MultiTaskModel, dataset: Dataset, rows: range) -> Iterator[str]:
    """The tasks that any of the pictures is labelled for: the first that is ends the search."""
    for name in model.tasks:
        if any(_is_labelled(model, name, dataset, i) for i in rows):
            yield name


def _is_labelled(model: MultiTaskModel, task: str, dataset: Dataset, i: int) -> bool:
    """As the task itself sees it."""
    record = dataset.records(task)[i]
    sample = Sample(torch.zeros(3, 1, 1, dtype=torch.uint8), record.labels, Frame.identity(record.size), record)
    return bool(model.task(task).encode([sample])["labelled"].any())


def views_of(config: Config) -> Views:
    """The training pipeline; `close_mosaic` is the loader's business."""
    weak = config.augment.weak
    only_weak = [name for name in config.tasks if registry.weak_views(name)] if weak.tasks == "auto" else weak.tasks
    return Views(
        Augment(config.size, **config.augment.model_dump(exclude={"close_mosaic", "weak"})),
        Augment(config.size, mosaic=0.0, **weak.model_dump(exclude={"share", "tasks"})),
        share=(WEAK_SHARE if only_weak else 0.0) if weak.share == "auto" else weak.share,
        tasks=list(config.tasks),
        only_weak=only_weak,
    )
