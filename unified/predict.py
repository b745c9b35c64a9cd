"""Predict: pictures in, results in original pixels out.

    import unified
    model = unified.load("runs/jdc-shapes/1")
    result = model.predict("street.jpg")
    result.boxes, result.scores, result.labels, result.tags

The pictures take the same way as in evaluation (`Frame.letterbox` to the training size), so both count the same.
"""

from __future__ import annotations

import glob
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from unified.build import load_model
from unified.data.letterbox import draw_letterbox
from unified.data.picture import open_picture, pixels_of, upright_rgb
from unified.data.readers.pictures import SUFFIXES, pictures_in
from unified.data.sample import Batch, Labels, Record, Sample, Taxonomy
from unified.errors import DataError
from unified.evaluate import Inference
from unified.ops.canvas import Canvas
from unified.ops.device import choose_device
from unified.ops.frame import Frame
from unified.task import Prediction
from unified.train.precision import Precision

Picture = str | Path | bytes | Image.Image | np.ndarray
ROUNDING = 0.01  # pixels by which a box may stick out, since x + width need not give the corner back
SHOWN = 0.25  # scores below it are noise to a person; evaluation keeps them all


def load(path: str | Path, *, device: str = "auto", precision: str = "auto") -> Predictor:
    """A trained model, ready to predict: from a run folder (its best checkpoint) or one of its checkpoints.

    Raises:
        CheckpointError: not a checkpoint, or a damaged one.
    """
    model, config, taxonomy = load_model(path)
    where = choose_device(device)
    return Predictor(Inference.of(model, where, Precision.choose(where, precision)), taxonomy, config.size)


@dataclass(frozen=True)
class Predictor:
    """A trained model that answers for single pictures. `size` is the side of the square network input in pixels."""

    inference: Inference
    taxonomy: Taxonomy
    size: int

    def predict(self, picture: Picture, *, score: float = SHOWN) -> Prediction:
        """Results for one picture: a path, encoded bytes, a PIL picture or an array (H, W, 3) uint8 RGB.

        Raises:
            DataError: the picture is missing, damaged, too large or of an unknown format.
        """
        return self.predict_many([picture], score=score)[0]

    def predict_many(self, pictures: Iterable[Picture], *, score: float = SHOWN) -> list[Prediction]:
        """Results for a few pictures, computed as one batch. Raises DataError as `predict`."""
        if isinstance(pictures, str | Path | bytes):
            raise DataError(f"predict_many takes several pictures, got {pictures!r:.60}; for one: predict")
        pictures = list(pictures)
        if not pictures:
            return []
        samples = [self._sample(picture) for picture in pictures]
        found = self.inference(Batch(torch.stack([sample.image for sample in samples]), samples), score=score)
        sources = [str(picture) if isinstance(picture, str | Path) else "" for picture in pictures]
        return [replace(prediction, source=source) for prediction, source in zip(found, sources, strict=True)]

    def describe(self, picture: Picture, boxes: Tensor) -> Prediction:
        """What the tasks that find no boxes say about given ones: (N, 4) xyxy in original pixels.

        Raises:
            DataError: as `predict`; a box that is not finite, has no area or does not lie within the picture.
        """
        sample = self._sample(picture)
        boxes = torch.as_tensor(boxes)
        if boxes.dim() != 2 or boxes.shape[1] != 4:
            raise DataError(f"boxes are (N, 4), x1 y1 x2 y2 each, got {tuple(boxes.shape)}")
        check_boxes(boxes, sample.record.size)
        prediction = self.inference(Batch(sample.image[None], [sample]), boxes=[boxes])[0]
        return replace(prediction, source=str(picture) if isinstance(picture, str | Path) else "")

    def _sample(self, picture: Picture) -> Sample:
        rgb = to_rgb(picture)
        source = Path(picture) if isinstance(picture, str | Path) else Path()
        frame = Frame.letterbox(rgb.size, (self.size, self.size))
        image = draw_letterbox(pixels_of(rgb), frame).permute(2, 0, 1)
        return Sample(image, Labels(), frame, Record(source.stem, source, rgb.size, Labels()))


def to_rgb(picture: Picture) -> Image.Image:
    """Any kind of picture as a PIL picture in RGB, upright.

    Raises:
        DataError: it cannot be read, is an array of another shape or type, or nothing that could be one picture.
    """
    if isinstance(picture, str | Path | bytes):
        return open_picture(picture)
    if isinstance(picture, Image.Image):
        return upright_rgb(picture)
    if not isinstance(picture, np.ndarray):
        raise DataError(
            "a picture is a path, encoded bytes, a PIL picture or an array (height, width, 3) uint8 RGB, got "
            f"{type(picture).__name__}; several at once: predict_many"
        )
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or 0 in picture.shape:
        got = f"{picture.shape} {picture.dtype}"
        raise DataError(f"a picture as an array must be (height, width, 3) uint8 RGB, got {got}")
    return Image.fromarray(picture)


def check_boxes(boxes: Tensor, size: tuple[int, int]) -> None:
    """DataError unless boxes (N, 4) xyxy have an area and lie within a picture of `size` (width, height) pixels."""
    width, height = (side + ROUNDING for side in size)
    for x1, y1, x2, y2 in boxes.tolist():
        if not (-ROUNDING <= x1 < x2 <= width and -ROUNDING <= y1 < y2 <= height):  # false for NaN, too
            box = f"x {x1:g}, y {y1:g}, width {x2 - x1:g}, height {y2 - y1:g}"
            raise DataError(f"the box ({box}) does not lie within the picture of {size[0]}x{size[1]} pixels")


def find_pictures(sources: Sequence[str | Path]) -> list[Path]:
    """Files, folders (searched through) and globs → picture files, sorted within each source, each once.

    Raises:
        DataError: a source that is nothing, or holds no picture.
    """
    found: dict[Path, None] = {}
    for source in sources:
        path = Path(source)
        if path.is_file():
            matches = [path]
        elif path.is_dir():
            matches = [picture for picture in pictures_in(path) if picture.is_file()]
        else:
            matches = sorted(Path(p) for p in glob.glob(str(source), recursive=True) if Path(p).is_file())
        if not matches:
            kind = "holds no pictures" if path.is_dir() else "is no file, folder or glob that matches anything"
            raise DataError(f"{source} {kind}; pictures end in {', '.join(sorted(SUFFIXES))}")
        found.update(dict.fromkeys(matches))
    return list(found)


def predict_files(
    predictor: Predictor,
    sources: Sequence[str | Path],
    *,
    out: Path | None = None,
    score: float = SHOWN,
    batch: int = 8,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Prediction]:
    """Predict picture after picture and, with `out`, write annotated pictures, JSON lines and COCO results there.

    Yields every prediction as it comes, so memory stays flat.

    Raises:
        DataError: at the end, naming the pictures that could not be read; the others are done and written by then.
    """
    paths = find_pictures(sources)
    ids = _image_ids(paths)
    broken: list[str] = []
    with nullcontext() if out is None else _Writer.opened(out, paths) as writer:
        for start in range(0, len(paths), batch):
            readable = []
            for path in paths[start : start + batch]:
                try:
                    readable.append((path, open_picture(path)))
                except DataError as error:
                    broken.append(str(error))
            found = predictor.predict_many([picture for _, picture in readable], score=score)
            for (path, picture), prediction in zip(readable, found, strict=True):
                named = replace(prediction, source=str(path), image_id=ids[path])
                if writer is not None:
                    writer.add(path, picture, named)
                yield named
            if progress is not None:
                progress(min(start + batch, len(paths)), len(paths))
    if broken:
        listed = "\n  ".join(broken)
        others = ", the others are done" if len(broken) < len(paths) else ""
        raise DataError(f"{len(broken)} of {len(paths)} pictures could not be read{others}:\n  {listed}")


def _image_ids(paths: Sequence[Path]) -> dict[Path, int | str]:
    """COCO's file names are the image ids; of pictures that would share one each has its path."""
    ids: dict[Path, int | str] = {path: int(path.stem) if path.stem.isdecimal() else path.stem for path in paths}
    shared = Counter(ids.values())
    return {path: id if shared[id] == 1 else path.as_posix() for path, id in ids.items()}


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """What to call each picture's result: its stem, numbered where several pictures share it."""
    stems, numbers, taken, names = Counter(path.stem for path in paths), Counter[str](), set[str](), {}
    for path in paths:
        name = path.stem
        while stems[path.stem] > 1 and (name in stems or name in taken):
            numbers[path.stem] += 1
            name = f"{path.stem}-{numbers[path.stem]}"
        taken.add(name)
        names[path] = name
    return names


class _Writer:
    """`out/pictures/…`, `out/predictions.jsonl` (line by line) and, at the end, `out/coco_results.json`."""

    def __init__(self, out: Path, names: Mapping[Path, str], lines: TextIO) -> None:
        self._pictures = out / "pictures"
        self._names = names
        self._lines = lines
        self.coco: list[dict[str, Any]] = []

    @classmethod
    @contextmanager
    def opened(cls, out: Path, paths: Sequence[Path]) -> Iterator[_Writer]:
        names, pictures, lines_path = _names(paths), out / "pictures", out / "predictions.jsonl"
        sources = {path.resolve() for path in paths}
        for name in names.values():
            if (pictures / f"{name}.jpg").resolve() in sources:
                raise DataError(f"{pictures / name}.jpg is to be read and to be written: give --out another folder")
        if pictures.is_dir() and not lines_path.exists() and any(pictures.iterdir()):
            raise DataError(f"{pictures} holds files that no earlier prediction wrote; give --out another folder")
        try:
            pictures.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise DataError(f"{out} is a file, or has one in it, where a folder for results should be") from error
        with lines_path.open("w", encoding="utf-8") as lines:
            writer = cls(out, names, lines)
            yield writer
        (out / "coco_results.json").write_text(json.dumps(writer.coco), encoding="utf-8")

    def add(self, path: Path, picture: Image.Image, prediction: Prediction) -> None:
        canvas = Canvas(picture)
        prediction.draw(canvas)
        canvas.picture().save(self._pictures / f"{self._names[path]}.jpg", quality=92)
        self._lines.write(json.dumps(prediction.to_json()) + "\n")
        self._lines.flush()
        assert prediction.image_id is not None
        for result in prediction.results.values():
            self.coco += result.to_coco(prediction.image_id)
