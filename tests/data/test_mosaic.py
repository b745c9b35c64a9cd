from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from unified.data.mosaic import fit, lay_tiles
from unified.data.paint import Matrix, blank, paint
from unified.data.picture import pixels_of
from unified.data.transforms import map_boxes, random_affine

S = 64
SIZES = [(64, 48), (40, 100), (30, 30), (200, 120)]
GREY = (114, 114, 114)


def pictures() -> list[Image.Image]:
    """Smooth ones: what is compared is where they land, not how each way filters edges."""
    rng = np.random.default_rng(0)
    coarse = (rng.integers(0, 256, (5, 5, 3), dtype=np.uint8) for _ in SIZES)
    return [Image.fromarray(c).resize(s, Image.Resampling.BICUBIC) for c, s in zip(coarse, SIZES, strict=True)]


def naive_mosaic(pictures: list[Image.Image], centre: tuple[int, int], change: Matrix) -> np.ndarray:
    """As usually written: paste onto a canvas of twice the size, then warp the canvas."""
    cx, cy = centre
    big = Image.new("RGB", (2 * S, 2 * S), GREY)
    for k, picture in enumerate(pictures):
        tile = picture.resize(fit(picture.size, S), Image.Resampling.BILINEAR)
        big.paste(tile, (cx if k % 2 else cx - tile.width, cy if k >= 2 else cy - tile.height))
    back = np.linalg.inv(change)[:2].ravel().tolist()
    warped = big.transform((S, S), Image.Transform.AFFINE, tuple(back), Image.Resampling.BILINEAR, fillcolor=GREY)
    return np.asarray(warped).astype(int)


def direct_mosaic(pictures: list[Image.Image], centre: tuple[int, int], change: Matrix) -> np.ndarray:
    canvas = blank((S, S))
    for picture, tile in zip(pictures, lay_tiles(SIZES, centre, S), strict=True):
        paint(canvas, pixels_of(picture), change @ tile.matrix, tile.visible)
    return canvas.numpy().astype(int)


@settings(deadline=None, max_examples=60)
@given(st.integers(32, 96), st.integers(32, 96), st.integers(0, 10**6), st.sampled_from([0.0, 15.0]))
def test_tiles_painted_directly_equal_the_large_canvas_warped(cx: int, cy: int, seed: int, degrees: float) -> None:
    gains = {"degrees": degrees, "translate": 0.1, "scale": 0.4, "shear": degrees / 3}
    change = random_affine(np.random.default_rng(seed), S, (S, S), **gains)

    naive, direct = (way(pictures(), (cx, cy), change) for way in (naive_mosaic, direct_mosaic))

    # Both may lie up to half a pixel beside the true place, and a pixel on a seam may fall to either side of it: what
    # is drawn directly is to be found within a pixel on the large canvas warped, whose rim alone is mixed with grey.
    around = np.lib.stride_tricks.sliding_window_view(np.pad(naive, ((1, 1), (1, 1), (0, 0)), "edge"), (3, 3), (0, 1))
    beyond = np.maximum(around.min((-2, -1)) - direct, direct - around.max((-2, -1))).max(-1)
    assert (beyond > 4).mean() < 0.04
    assert np.median(np.abs(naive - direct)) <= 6


@given(st.integers(32, 96), st.integers(32, 96))
def test_boxes_land_exactly_where_the_usual_way_puts_them(cx: int, cy: int) -> None:
    for k, (size, tile) in enumerate(zip(SIZES, lay_tiles(SIZES, (cx, cy), S), strict=True)):
        width, height = fit(size, S)
        left, top = cx if k % 2 else cx - width, cy if k >= 2 else cy - height
        box = np.array([[1.0, 2.0, size[0] - 3.0, size[1] - 4.0]])
        scale = np.array([width / size[0], height / size[1]] * 2)

        assert np.allclose(map_boxes(box, tile.matrix), box * scale + [left, top, left, top])


@given(st.integers(32, 96), st.integers(32, 96))
def test_the_visible_part_is_what_the_large_canvas_does_not_cut_off(cx: int, cy: int) -> None:
    for size, tile in zip(SIZES, lay_tiles(SIZES, (cx, cy), S), strict=True):
        whole = map_boxes(np.array([[0.0, 0.0, *size]]), tile.matrix)
        seen = map_boxes(np.array([tile.visible]), tile.matrix)

        assert np.allclose(seen, whole.clip(0, 2 * S))


@pytest.mark.parametrize(("size", "fitted"), [((640, 427), (320, 214)), ((1, 1), (320, 320)), ((1, 4000), (1, 320))])
def test_a_picture_fits_by_its_longer_side(size: tuple[int, int], fitted: tuple[int, int]) -> None:
    assert fit(size, 320) == fitted
