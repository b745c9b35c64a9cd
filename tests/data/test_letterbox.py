from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data.tiny import WHITE_BOX, white_boxes
from unified.data.letterbox import Letterbox, draw_letterbox
from unified.data.picture import FILL, pixels_of
from unified.data.pipeline import Draw
from unified.data.sample import Sample
from unified.data.shelf import Shelf
from unified.ops.frame import Frame


def letterboxed(root: Path, size: int, picture: tuple[int, int]) -> Sample:
    dataset = white_boxes(root, 1, picture)
    return Letterbox(size)(Shelf(dataset), Draw(0)).sample(dataset.record(0))


@pytest.mark.parametrize("picture", [(80, 60), (60, 80), (77, 41)])
@pytest.mark.parametrize("size", [64, 160])
def test_boxes_and_frame_follow_the_picture(picture: tuple[int, int], size: int, tmp_path: Path) -> None:
    sample = letterboxed(tmp_path, size, picture)

    objects = sample.labels.objects
    assert sample.image.shape == (3, size, size) and sample.image.dtype == torch.uint8
    assert objects is not None and objects.boxes.canvas_size == (size, size)
    ys, xs = np.nonzero(sample.image[0].numpy() > 128)
    extent = torch.tensor([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
    assert (objects.boxes[0] - extent).abs().max() <= 1
    back = sample.frame.to_image(objects.boxes.as_subclass(torch.Tensor))
    assert torch.allclose(back, torch.tensor([WHITE_BOX], dtype=torch.float32), atol=1e-3)


def test_what_the_picture_does_not_cover_is_grey(tmp_path: Path) -> None:
    sample = letterboxed(tmp_path, 64, (80, 60))
    x1, y1, x2, y2 = map(round, sample.frame.content())

    outside = torch.ones(64, 64, dtype=torch.bool)
    outside[y1:y2, x1:x2] = False
    assert (sample.image[:, outside] == FILL[0]).all()
    assert not (sample.image[:, ~outside] == FILL[0]).all(0).any()


def test_captions_and_identities_stay(tmp_path: Path) -> None:
    labels = letterboxed(tmp_path, 64, (80, 60)).labels

    assert labels.captions == ("White on the left.",)
    assert labels.objects is not None and labels.objects.identities.tolist() == [0]


def test_a_picture_of_the_right_size_is_not_resampled() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)

    drawn = draw_letterbox(torch.from_numpy(noise), Frame.letterbox((64, 64), (64, 64)))

    assert np.array_equal(np.asarray(drawn), noise)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
def test_extreme_pictures_fit(size: tuple[int, int]) -> None:
    white = Image.new("RGB", size, (255, 255, 255))

    drawn = np.asarray(draw_letterbox(pixels_of(white), Frame.letterbox(size, (64, 64))))

    assert (drawn == 255).any()
