"""AP on resamples equals COCO's evaluation of the resampled data set itself."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.detection.coco_eval import AP50, Row, evaluate_boxes
from tasks.detection.resample import average_precisions, match_boxes
from unified.task import bootstrap_counts

IMAGES, CATEGORIES = 6, (3, 7, 9)


def boxes(rng: np.random.Generator, image: int, number: int) -> list[Row]:
    corners = rng.uniform(0, 60, (number, 2))
    sizes = rng.uniform(10, 40, (number, 2))
    return [
        {"image_id": image, "category_id": int(rng.choice(CATEGORIES[:2])), "bbox": [*map(float, (*corner, *size))]}
        for corner, size in zip(corners, sizes, strict=True)
    ]


def scene() -> tuple[list[Row], list[Row]]:
    """Objects (a crowd among them), and detections near them and elsewhere; the third category has no object."""
    rng = np.random.default_rng(0)
    truth = [row for image in range(1, IMAGES + 1) for row in boxes(rng, image, int(rng.integers(0, 5)))]
    truth = [row | {"area": row["bbox"][2] * row["bbox"][3], "iscrowd": int(i == 2)} for i, row in enumerate(truth)]
    found = [
        {key: row[key] for key in ("image_id", "category_id")}
        | {"bbox": (np.asarray(row["bbox"]) + rng.normal(0, 2, 4)).tolist(), "score": float(rng.uniform(0.3, 1))}
        for row in truth
    ]
    found += [row | {"score": float(rng.uniform(0, 0.9))} for i in range(1, IMAGES + 1) for row in boxes(rng, i, 6)]
    return truth, found


def repeated(rows: list[Row], counts: np.ndarray) -> list[Row]:
    """The rows of each picture as often as it is drawn, each time as a picture of its own."""
    copies = [i for i, count in enumerate(counts, start=1) for _ in range(count)]
    return [
        row | {"image_id": new} for new, old in enumerate(copies, start=1) for row in rows if row["image_id"] == old
    ]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_resample_has_the_ap_of_the_data_set_it_stands_for(seed: int) -> None:
    truth, found = scene()
    counts = bootstrap_counts(IMAGES, 3, seed)
    ap = average_precisions(match_boxes(range(1, IMAGES + 1), truth, CATEGORIES, found), counts)
    for drawn, values in zip(counts, ap, strict=True):
        numbers = evaluate_boxes(
            range(1, IMAGES + 1), repeated(truth, drawn), CATEGORIES, repeated(found, drawn)
        ).numbers()
        assert values.mean() == pytest.approx(numbers["AP"], abs=1e-9)
        assert values[AP50] == pytest.approx(numbers["AP50"], abs=1e-9)


def test_every_picture_once_is_the_metric_itself() -> None:
    truth, found = scene()
    ap = average_precisions(match_boxes(range(1, IMAGES + 1), truth, CATEGORIES, found), np.ones((1, IMAGES), int))
    assert ap.mean() == pytest.approx(evaluate_boxes(range(1, IMAGES + 1), truth, CATEGORIES, found).numbers()["AP"])


def test_without_objects_it_is_undefined() -> None:
    assert np.isnan(average_precisions(match_boxes([1, 2], [], CATEGORIES, []), np.ones((2, 2), int))).all()


def test_draws_are_the_same_for_the_same_seed_and_hold_as_many_pictures() -> None:
    counts = bootstrap_counts(10, 50, seed=4)
    assert counts.shape == (50, 10) and (counts.sum(1) == 10).all()
    assert (counts == bootstrap_counts(10, 50, seed=4)).all() and (counts != bootstrap_counts(10, 50, seed=5)).any()
