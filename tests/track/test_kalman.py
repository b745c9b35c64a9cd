from __future__ import annotations

import numpy as np
import pytest

from unified.track import kalman
from unified.track.kalman import LEAST_SIDE, NEWBORN_SPEED, POSITION_NOISE, SPEED_NOISE, Array, State

SEEN = np.array([True])


def textbook(mean: Array, covariance: Array, z: Array) -> tuple[Array, Array]:
    """A step and a correction for one object, in plain matrices."""
    f = np.array([[float(j in (i, i + 4)) for j in range(8)] for i in range(8)])
    h = np.array([[float(i == j) for j in range(8)] for i in range(4)])
    mean = f @ mean
    w, ht = f[2:4] @ np.linalg.inv(f) @ mean  # Q is of the box before the step
    sides = np.array([w, ht, w, ht])
    q = np.diag(np.r_[POSITION_NOISE * sides, SPEED_NOISE * sides] ** 2)
    covariance = f @ covariance @ f.T + q
    now = np.array([mean[2], mean[3], mean[2], mean[3]])
    s = h @ covariance @ h.T + np.diag((POSITION_NOISE * now) ** 2)
    k = covariance @ h.T @ np.linalg.inv(s)
    return mean + k @ (z - h @ mean), (np.eye(8) - k @ h) @ covariance


def random_boxes(n: int) -> Array:
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 100, (n, 2))
    return np.concatenate([low, low + rng.uniform(5, 50, (n, 2))], 1)


def test_many_objects_at_once_equal_one_after_the_other_by_the_textbook() -> None:
    first, second, third = random_boxes(5), random_boxes(5) + 2, random_boxes(5) + np.array([5, 3, 7, 4])
    state = kalman.begin(first)
    expected = [(state.mean[i].copy(), state.covariance[i].copy()) for i in range(5)]
    for boxes in (second, third):
        state = kalman.update(kalman.predict(state, np.ones(5, dtype=bool)), boxes)
        expected = [textbook(m, p, z) for (m, p), z in zip(expected, kalman.to_cxcywh(boxes), strict=True)]
    for i, (mean, covariance) in enumerate(expected):
        assert state.mean[i] == pytest.approx(mean)
        assert state.covariance[i] == pytest.approx(covariance, abs=1e-9)
    assert np.allclose(state.covariance, state.covariance.transpose(0, 2, 1))
    assert (np.linalg.eigvalsh(state.covariance) > 0).all()


def test_the_distance_is_mahalanobis_pair_by_pair() -> None:
    state = kalman.predict(kalman.begin(random_boxes(3)), np.ones(3, dtype=bool))
    boxes = random_boxes(4)
    found = kalman.squared_mahalanobis(state, boxes)
    for i in range(3):
        w, h = state.mean[i, 2:4]
        s = state.covariance[i, :4, :4] + np.diag((POSITION_NOISE * np.array([w, h, w, h])) ** 2)
        for j, z in enumerate(kalman.to_cxcywh(boxes)):
            offset = z - state.mean[i, :4]
            assert found[i, j] == pytest.approx(offset @ np.linalg.inv(s) @ offset)


def test_a_constant_speed_is_learnt() -> None:
    box, speed = np.array([[10.0, 10, 30, 50]]), np.array([3.0, -1, 3, -1])
    state = kalman.begin(box)
    for step in range(1, 20):
        state = kalman.update(kalman.predict(state, SEEN), box + step * speed)
    ahead = kalman.predict(state, SEEN)
    assert ahead.boxes()[0] == pytest.approx((box + 20 * speed)[0], abs=0.05)


def test_a_newborn_may_move_a_quarter_of_its_side_a_step() -> None:
    state = kalman.predict(kalman.begin(np.array([[0.0, 0, 100, 200]])), SEEN)
    within = kalman.squared_mahalanobis(state, np.array([[25.0, 0, 125, 200], [200, 0, 300, 200]]))[0]
    assert within[0] < 1.0 < 9.4877 < within[1]
    assert NEWBORN_SPEED == 0.25


def test_an_object_out_of_sight_keeps_its_size_and_grows_less_certain() -> None:
    state = kalman.begin(np.array([[0.0, 0, 40, 40]]))
    for side in (36.0, 32, 28, 24):  # it shrinks in sight
        state = kalman.update(kalman.predict(state, SEEN), np.array([[0.0, 0, side, side]]))
    before = state.mean[0, 2]
    volumes = []
    for _ in range(50):
        state = kalman.predict(state, ~SEEN)
        volumes.append(np.linalg.det(state.covariance[0, :4, :4]))
    assert state.mean[0, 2] == before
    assert np.all(np.diff(volumes) > 0)


def test_boxes_without_area_stay_finite() -> None:
    state = kalman.begin(np.array([[5.0, 5, 5, 5]]))
    state = kalman.update(kalman.predict(state, SEEN), np.array([[6.0, 5, 6, 5]]))
    assert np.isfinite(state.mean).all() and np.isfinite(state.covariance).all()
    low, high = state.boxes()[0, :2], state.boxes()[0, 2:]
    assert high - low == pytest.approx([LEAST_SIDE] * 2)


def test_no_objects_are_no_trouble() -> None:
    none = State.stack([])
    assert len(kalman.predict(none, np.zeros(0, dtype=bool))) == 0
    assert kalman.squared_mahalanobis(none, random_boxes(2)).shape == (0, 2)
