"""From pictures to what an index stores: vectors, and entries that say what they show.

The vectors are those of whichever task of the model makes some: it is known by its result, not by its name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from unified.build import load_model, validation_loader, workers_of
from unified.data.dataset import Dataset
from unified.data.sample import Objects, Record
from unified.errors import ConfigError, DataError
from unified.evaluate import Inference
from unified.index.backend import Vectors
from unified.index.entry import Entry, check
from unified.index.origin import Origin
from unified.ops.boxes import xywh_to_xyxy, xyxy_to_xywh
from unified.ops.device import choose_device
from unified.predict import SHOWN, Picture, Predictor, predict_files
from unified.task import Prediction, ScoredBoxes
from unified.train.precision import Precision

if TYPE_CHECKING:
    from unified.index.index import Index

CHUNK = 65_536  # vectors stored by one change of the index: 32 MiB of 128-d ones
BATCH = 8  # pictures

Progress = Callable[[int, int], None]  # pictures done, pictures in all
Rows = tuple[Vectors, list[Entry]]  # (N, D) and N, of one picture


@runtime_checkable
class HasVectors(Protocol):
    """A result of a task that makes vectors: of N boxes, row by row, and of the whole picture; of length 1."""

    @property
    def vectors(self) -> Tensor:
        """(N, D)"""

    @property
    def image_vector(self) -> Tensor:
        """(D,)"""


@runtime_checkable
class HasCaption(Protocol):
    """A result of a task that puts the picture into words."""

    @property
    def text(self) -> str:
        """One sentence"""


@dataclass(frozen=True)
class Embedder:
    """A trained model that makes vectors; `origin` is what an index of them must say.

    `workers` are the processes that decode the pictures of a data set, those of the training if not said otherwise.
    """

    predictor: Predictor
    origin: Origin
    workers: int

    @classmethod
    def load(cls, run: str | Path, *, device: str = "auto", precision: str = "auto") -> Embedder:
        """From a run folder (its best checkpoint) or one of its checkpoints.

        Raises:
            CheckpointError: not a checkpoint, or a damaged one.
            ConfigError: a model without a task that makes vectors, or with several.
        """
        model, config, taxonomy = load_model(run)
        where = choose_device(device)
        predictor = Predictor(Inference.of(model, where, Precision.choose(where, precision)), taxonomy, config.size)
        probe = predictor.predict(Image.new("RGB", (config.size, config.size)), score=1.0)
        makers = [name for name, result in probe.results.items() if isinstance(result, HasVectors)]
        if len(makers) != 1:
            found = f"several: {', '.join(makers)}" if makers else f"none among its tasks: {', '.join(probe.results)}"
            raise ConfigError(
                f"{run}: an index needs a model with one task that makes vectors, and this has {found}; "
                "train one with: unified train jde-shapes"
            )
        origin = Origin(
            model=digest(
                model.state_dict(), json.dumps({"trunk": config.trunk, "tasks": config.tasks}, sort_keys=True)
            ),
            task=makers[0],
            codes=digest({place: code.g() for place, code in model.task(makers[0]).codes().items()}),
            preprocessing={"size": config.size, "fit": "letterbox"},
            dimension=len(_vectors_of(probe, makers[0]).image_vector),
            run=str(Path(run).resolve()),
        )
        return cls(predictor, origin, workers_of(config.train.workers, where))

    def vector(self, picture: Picture, box: Sequence[float] | None = None) -> Vectors:
        """(D,) of the box (x, y, w, h) in original pixels, or of the whole picture.

        Raises:
            DataError: the picture cannot be read, or the box does not lie within it.
        """
        if box is None:
            return _array(self._made(self.predictor.predict(picture, score=1.0)).image_vector)
        corners = xywh_to_xyxy(torch.tensor([_four(box)], dtype=torch.float64))
        return _array(self._made(self.predictor.describe(picture, corners)).vectors[0])

    def files(
        self,
        sources: Sequence[str | Path],
        *,
        whole: bool = False,
        score: float = SHOWN,
        progress: Progress | None = None,
    ) -> Iterator[Rows]:
        """Of each picture in files, folders and globs the objects found with at least `score`, or the whole of it.

        Raises:
            DataError: a source without pictures; at the end, pictures that cannot be read.
        """
        for prediction in predict_files(self.predictor, sources, score=score, batch=BATCH, progress=progress):
            image = str(Path(prediction.source).resolve())
            yield self._whole(prediction, image) if whole else self._found(prediction, image)

    def split(
        self,
        dataset: Dataset,
        *,
        true_boxes: bool = False,
        whole: bool = False,
        score: float = SHOWN,
        progress: Progress | None = None,
    ) -> Iterator[Rows]:
        """Of each picture of a data set the objects found, the labelled ones with their identities, or the whole.

        Crowd regions are left out.
        """
        inference, done = self.predictor.inference, 0
        size, device = self.predictor.size, inference.device
        loader = validation_loader(dataset, size=size, batch=BATCH, workers=self.workers, device=device)
        for batch in loader.epoch(0):
            records = [sample.record for sample in batch.samples]
            labelled = [_labelled(record) for record in records]
            boxes = [objects.boxes.as_subclass(Tensor) for objects in labelled] if true_boxes else None
            for prediction, record, objects in zip(
                inference(batch, score=score, boxes=boxes), records, labelled, strict=True
            ):
                image, caption = str(record.path.resolve()), next(iter(record.labels.captions or ()), None)
                if whole:
                    yield self._whole(prediction, image, caption)
                elif true_boxes:
                    yield self._true(prediction, objects, dataset.taxonomy.categories, image, caption)
                else:
                    yield self._found(prediction, image, caption)
            done += len(records)
            if progress is not None:
                progress(done, len(dataset))

    def _made(self, prediction: Prediction) -> HasVectors:
        return _vectors_of(prediction, self.origin.task)

    def _whole(self, prediction: Prediction, image: str, caption: str | None = None) -> Rows:
        entry = Entry(image, caption=caption or _said(prediction))
        return _array(self._made(prediction).image_vector)[None], [entry]

    def _found(self, prediction: Prediction, image: str, caption: str | None = None) -> Rows:
        finder = next((result for result in prediction.results.values() if isinstance(result, ScoredBoxes)), None)
        if finder is None:
            raise ConfigError(
                "this model finds no objects: index the labelled ones of a data set (--true-boxes), "
                "or whole pictures (--whole)"
            )
        caption = caption or _said(prediction)
        names = self.predictor.taxonomy.categories
        columns = (_xywh(finder.boxes), finder.labels.tolist(), finder.scores.tolist())
        entries = [
            Entry(image, box, names[label], None, score, caption) for box, label, score in zip(*columns, strict=True)
        ]
        return _array(self._made(prediction).vectors), entries

    def _true(
        self, prediction: Prediction, objects: Objects, names: Sequence[str], image: str, caption: str | None
    ) -> Rows:
        columns = (_xywh(objects.boxes), objects.categories.tolist(), objects.identities.tolist())
        entries = [
            Entry(image, box, names[k], identity if identity >= 0 else None, None, caption or _said(prediction))
            for box, k, identity in zip(*columns, strict=True)
        ]
        return _array(self._made(prediction).vectors), entries


def store(index: Index, pictures: Iterable[Rows]) -> int:
    """Add what `Embedder` makes, `CHUNK` vectors at a time, so that memory stays flat; how many vectors there were.

    Raises:
        DataError: of pictures that cannot be read, or with a name that no index can keep, once all others are stored.
    """
    vectors, entries, total = list[Vectors](), list[Entry](), 0
    trouble: DataError | None = None
    refused = list[str]()
    rows = iter(pictures)
    while True:
        try:
            made = next(rows, None)
        except DataError as error:
            made, trouble = None, error
        if made is not None and (reason := _refused(made[1])) is not None:
            refused.append(reason)
        elif made is not None:
            vectors.append(made[0])
            entries += made[1]
        if entries and (made is None or len(entries) >= CHUNK):
            total += len(index.add(np.concatenate(vectors), entries))
            vectors, entries = [], []
        if made is None:
            break
    if refused:
        listed = "\n  ".join(refused)
        told = f"the entries of {len(refused)} pictures cannot be kept, those of the others are stored:\n  {listed}"
        raise DataError(told if trouble is None else f"{trouble}\n{told}") from trouble
    if trouble is not None:
        raise trouble
    return total


def _refused(entries: Sequence[Entry]) -> str | None:
    """Why no index can keep the entries of a picture, such as a file name that is not UTF-8; None when one can."""
    try:
        for place, entry in enumerate(entries):
            check(entry, place)
    except DataError as error:
        return str(error)
    return None


def digest(tensors: Mapping[str, Tensor], about: str = "") -> str:
    """SHA-256 of `about` and of names, types, shapes and bytes, whatever file or device the tensors are in."""
    sha = hashlib.sha256(about.encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        sha.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        sha.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()


def _vectors_of(prediction: Prediction, task: str) -> HasVectors:
    result = prediction.results[task]
    assert isinstance(result, HasVectors)
    return result


def _said(prediction: Prediction) -> str | None:
    return next((result.text for result in prediction.results.values() if isinstance(result, HasCaption)), None)


def _labelled(record: Record) -> Objects:
    objects = record.labels.objects
    return Objects.none(record.size[::-1]) if objects is None else objects.select(~objects.crowd)


def _xywh(boxes: Tensor) -> list[tuple[float, float, float, float]]:
    rows: list[list[float]] = xyxy_to_xywh(boxes.as_subclass(Tensor).double()).tolist()
    return [(x, y, w, h) for x, y, w, h in rows]


def _four(box: Sequence[float]) -> list[float]:
    try:
        x, y, width, height = map(float, box)
    except (TypeError, ValueError) as error:
        raise DataError(f"a box is four numbers, x, y, width, height; got {box!r}") from error
    return [x, y, width, height]


def _array(tensor: Tensor) -> Vectors:
    return tensor.detach().float().cpu().numpy()
