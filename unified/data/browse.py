"""Look at the data: a sheet of pictures with their labels, as they are or as training sees them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from unified.data.dataset import Dataset
from unified.data.pipeline import Draw, Pipeline
from unified.data.sample import Labels, Taxonomy
from unified.data.shelf import Shelf
from unified.ops.canvas import Canvas, contact_sheet

_CELL = 480  # pixels; longest side of a picture on the sheet


def browse(
    dataset: Dataset, indices: Sequence[int], *, pipeline: Pipeline | None = None, seed: int = 0, cell: int = _CELL
) -> Image.Image:
    """A contact sheet of pictures with boxes, class names, identities and captions; through `pipeline` where given."""
    if pipeline is None:
        pictures = [draw_labels(dataset.picture(i), dataset.record(i).labels, dataset.taxonomy) for i in indices]
    else:
        pictures = [_through(dataset, draw, pipeline) for draw in _draws(dataset, indices, pipeline, seed)]
    return contact_sheet(pictures, columns=math.ceil(math.sqrt(len(pictures))), cell=cell)


def draw_labels(picture: Image.Image, labels: Labels, taxonomy: Taxonomy) -> Image.Image:
    """The picture with what is known of it; crowd regions are marked as such."""
    canvas = Canvas(picture)
    if labels.objects is not None:
        objects = labels.objects
        columns = (
            objects.boxes.tolist(),
            objects.categories.tolist(),
            objects.identities.tolist(),
            objects.crowd.tolist(),
        )
        for box, category, identity, crowd in zip(*columns, strict=True):
            text = (
                taxonomy.categories[category]
                + (f" #{identity}" if identity >= 0 else "")
                + (" (crowd)" if crowd else "")
            )
            x1, y1, x2, y2 = box
            canvas.box(x1, y1, x2, y2, text, category)
    if labels.tags is not None:
        names = [taxonomy.categories[k] for k in labels.tags.nonzero().flatten().tolist()]
        canvas.caption(f"tags: {', '.join(names) or 'none'}")
    for caption in labels.captions or ():
        canvas.caption(caption)
    return canvas.picture()


def _draws(dataset: Dataset, indices: Sequence[int], pipeline: Pipeline, seed: int) -> list[Draw]:
    rng = np.random.default_rng(seed)
    partners = rng.integers(0, len(dataset), (len(indices), pipeline.partners)).tolist()
    return [Draw(i, tuple(others), (seed, i)) for i, others in zip(indices, partners, strict=True)]


def _through(dataset: Dataset, draw: Draw, pipeline: Pipeline) -> Image.Image:
    view = pipeline(Shelf(dataset, pipeline.longest), draw)
    labels = view.sample(dataset.record(draw.index)).labels
    return draw_labels(Image.fromarray(view.picture.numpy()), labels, dataset.taxonomy)
