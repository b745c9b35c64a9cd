"""What goes into the network's frame comes back to the same pixels."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from unified.ops.frame import Frame

sizes = st.tuples(st.integers(1, 3000), st.integers(1, 3000))
inputs = st.tuples(st.sampled_from([64, 320, 640]), st.sampled_from([64, 320, 640]))


@given(size=sizes, input_size=inputs, corner=st.tuples(*[st.floats(0, 1)] * 4))
def test_a_letterboxed_box_comes_back_to_its_place(size, input_size, corner) -> None:  # type: ignore[no-untyped-def]
    (w, h), (a, b, c, d) = size, corner
    box = torch.tensor([[min(a, c) * w, min(b, d) * h, max(a, c) * w, max(b, d) * h]], dtype=torch.float64)
    frame = Frame.letterbox(size, input_size)

    back = frame.to_image(frame.to_input(box))

    torch.testing.assert_close(back, box, rtol=1e-9, atol=1e-6)


@given(size=sizes, input_size=inputs)
def test_a_letterbox_holds_the_whole_picture(size, input_size) -> None:  # type: ignore[no-untyped-def]
    x1, y1, x2, y2 = Frame.letterbox(size, input_size).content()
    assert -1e-6 <= x1 < x2 <= input_size[0] + 1e-6
    assert -1e-6 <= y1 < y2 <= input_size[1] + 1e-6


def test_a_small_picture_is_enlarged_only_where_allowed() -> None:
    assert Frame.letterbox((50, 50), (100, 100)).content() == (0, 0, 100, 100)
    assert Frame.letterbox((50, 50), (100, 100), enlarge=False).content() == (25, 25, 75, 75)


def test_frames_compose() -> None:
    flip = ((-1.0, 0.0, 100.0), (0.0, 1.0, 0.0))
    frame = Frame.letterbox((50, 100), (100, 100)).then(flip, (100, 100))
    box = torch.tensor([[0.0, 0.0, 10.0, 20.0]])

    torch.testing.assert_close(frame.to_input(box), torch.tensor([[65.0, 0.0, 75.0, 20.0]]))
    torch.testing.assert_close(frame.to_image(frame.to_input(box)), box)


def test_boxes_outside_the_picture_are_clipped_unless_told_not_to() -> None:
    frame = Frame.identity((10, 10))
    box = torch.tensor([[-5.0, 2.0, 20.0, 8.0]])
    assert frame.to_image(box).tolist() == [[0, 2, 10, 8]]
    assert frame.to_image(box, clip=False).tolist() == [[-5, 2, 20, 8]]
