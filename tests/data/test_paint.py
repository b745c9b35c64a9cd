from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unified.data.paint import blank, paint, resize
from unified.data.transforms import map_boxes

BOX = np.array([[30.0, 20, 70, 60]])


def canvas_after(matrix: np.ndarray, visible: tuple[float, float, float, float] = (0, 0, 120, 90)) -> np.ndarray:
    pixels = np.zeros((90, 120, 3), dtype=np.uint8)
    x1, y1, x2, y2 = BOX[0].astype(int)
    pixels[y1:y2, x1:x2] = 255
    canvas = blank((100, 100))
    paint(canvas, torch.from_numpy(pixels), matrix, visible)
    return canvas.numpy()[..., 0]


def white_extent(pixels: np.ndarray) -> np.ndarray:
    ys, xs = np.nonzero(pixels > 200)
    return np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])


@settings(deadline=None, max_examples=60)
@given(st.floats(0.4, 2), st.floats(0.4, 2), st.floats(-40, 40), st.floats(-40, 40))
def test_an_upright_picture_lands_where_its_boxes_do(a: float, d: float, x: float, y: float) -> None:
    matrix = np.array([[a, 0, x], [0, d, y], [0, 0, 1]])
    box = map_boxes(BOX, matrix)[0].clip(0, 100)
    if (box[2:] - box[:2]).min() < 6:
        return

    assert np.abs(white_extent(canvas_after(matrix)) - box).max() <= 1.5


@settings(deadline=None, max_examples=60)
@given(st.floats(-180, 180), st.floats(0.6, 1.2))
def test_a_turned_picture_lands_where_its_boxes_do(degrees: float, scale: float) -> None:
    cos, sin = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    matrix = np.array([[1, 0, 50], [0, 1, 50], [0, 0, 1]]) @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    matrix = matrix @ np.array([[1, 0, -50], [0, 1, -40], [0, 0, 1]])

    assert np.abs(white_extent(canvas_after(matrix)) - map_boxes(BOX, matrix)[0].clip(0, 100)).max() <= 2


def test_the_two_ways_agree() -> None:
    upright = np.array([[1.2, 0, -20.0], [0, 0.9, 3.0], [0, 0, 1]])
    hair = upright + np.array([[0, 1e-9, 0], [0, 0, 0], [0, 0, 0]])

    difference = np.abs(canvas_after(upright).astype(int) - canvas_after(hair))
    assert difference.mean() < 3


def test_a_picture_in_place_is_copied_pixel_by_pixel() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    canvas = blank((100, 100))
    paint(canvas, torch.from_numpy(noise), np.eye(3), (0, 0, 100, 100))

    assert np.array_equal(canvas.numpy(), noise)


@pytest.mark.parametrize("slant", [0.0, 1e-9])
def test_only_the_visible_part_is_drawn(slant: float) -> None:
    pixels = canvas_after(np.array([[1, slant, 0], [0, 1, 0], [0, 0, 1]]), (30, 20, 70, 60))

    assert (pixels[21:59, 31:69] == 255).all()
    assert (pixels[:20] == 114).all() and (pixels[60:] == 114).all() and (pixels[:, 70:] == 114).all()


@pytest.mark.parametrize("slant", [0.0, 0.1])
def test_a_picture_off_the_canvas_leaves_it_alone(slant: float) -> None:
    for x, y in ((-300, 0), (300, 0), (0, -300), (0, 300)):
        assert (canvas_after(np.array([[1, slant, x], [0, 1, y], [0, 0, 1]])) == 114).all()


def test_shrinking_averages_instead_of_skipping_pixels() -> None:
    stripes = np.zeros((100, 400, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    canvas = blank((100, 25))
    paint(canvas, torch.from_numpy(stripes), np.diag([0.25, 0.25, 1]), (0, 0, 400, 100))

    assert np.abs(canvas.numpy().astype(int) - 128).max() < 20


def naive_resize(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """Bilinear, as defined: a triangle as wide as two pixels of the coarser grid, around each new pixel's centre."""

    def weights(old: int, new: int) -> np.ndarray:
        step = old / new
        distance = (np.arange(old) + 0.5)[None] - (np.arange(new) + 0.5)[:, None] * step
        triangle = np.clip(1 - np.abs(distance) / max(step, 1), 0, None)
        return triangle / triangle.sum(1, keepdims=True)

    return np.einsum("yv,xu,vuc->yxc", weights(len(pixels), height), weights(pixels.shape[1], width), pixels)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 40), st.integers(1, 40))
def test_resizing_is_bilinear_by_definition(old_w: int, old_h: int, new_w: int, new_h: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (old_h, old_w, 3), dtype=np.uint8)

    resized = resize(torch.from_numpy(noise), (new_w, new_h))

    assert resized.shape == (new_h, new_w, 3)
    assert np.abs(resized.numpy() - naive_resize(noise, new_w, new_h)).max() < 4


@settings(deadline=None, max_examples=200)
@given(st.floats(0.05, 9), st.floats(0.05, 9), st.floats(-200, 110), st.floats(-200, 110), st.data())
def test_what_is_drawn_lies_less_than_half_a_pixel_beside_its_true_place(
    a: float, d: float, x: float, y: float, data: st.DataObject
) -> None:
    """On a ramp of brightness every pixel says which column or row of the picture it shows."""
    columns, rows = 240, 180
    ramp = np.zeros((rows, columns, 3), dtype=np.uint8)
    ramp[..., 0], ramp[..., 1] = np.arange(columns), np.arange(rows)[:, None]
    ramp[..., 2] = 255
    x1, y1 = data.draw(st.floats(0, 200)), data.draw(st.floats(0, 150))
    x2, y2 = data.draw(st.floats(x1, columns)), data.draw(st.floats(y1, rows))
    canvas = blank((100, 100))

    paint(canvas, torch.from_numpy(ramp), np.array([[a, 0, x], [0, d, y], [0, 0, 1]]), (x1, y1, x2, y2))

    drawn = canvas.numpy()[..., 2] == 255
    # Half a pixel of the canvas, one level for rounding; the outermost pixels see only half of their surroundings.
    for v, u in np.argwhere(drawn[1:-1, 1:-1] & drawn[:-2, 1:-1] & drawn[2:, 1:-1])[::97] + 1:
        if drawn[v, u - 1] and drawn[v, u + 1]:
            assert abs(canvas[v, u, 0].item() + 0.5 - (u + 0.5 - x) / a) <= 0.5 / a + 1.1
            assert abs(canvas[v, u, 1].item() + 0.5 - (v + 0.5 - y) / d) <= 0.5 / d + 1.1
