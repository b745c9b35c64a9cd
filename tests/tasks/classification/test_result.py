"""Tags: what users see, and the way through JSON."""

from __future__ import annotations

import json

import torch
from PIL import Image

from tasks.classification.result import Tags, to_tags
from unified.data.sample import Taxonomy
from unified.ops.canvas import Canvas
from unified.task import Prediction

NAMES = ("ant", "bee", "cat")


def test_tags_are_the_categories_above_the_threshold_most_probable_first() -> None:
    tags = Tags.of(torch.tensor([0.6, 0.2, 0.9]), NAMES, 0.5)

    assert tags.tags == {"cat": 0.9, "ant": 0.6}
    assert list(tags.tags) == ["cat", "ant"]


def test_logits_become_independent_probabilities() -> None:
    (tags,) = to_tags(torch.tensor([[0.0, -50.0, 50.0]], dtype=torch.bfloat16), Taxonomy(NAMES, (1, 2, 3)), 0.5)

    torch.testing.assert_close(tags.tag_scores, torch.tensor([0.5, 0.0, 1.0]))
    assert tags.tag_scores.dtype == torch.float32


def test_a_prediction_gives_its_tags_and_their_scores() -> None:
    prediction = Prediction({"classification": Tags.of(torch.tensor([0.6, 0.2, 0.9]), NAMES, 0.5)})

    assert "cat" in prediction.tags
    assert prediction.tag_scores.shape == (3,)


def test_json_gives_an_equal_result_back() -> None:
    tags = Tags.of(torch.rand(3, generator=torch.Generator().manual_seed(0)), NAMES, 0.3)

    again = Tags.from_json(json.loads(json.dumps(tags.to_json())))

    assert again == tags and hash(again) == hash(tags)
    assert again != Tags.of(torch.zeros(3), NAMES, 0.3)


def test_categories_of_one_name_stay_apart() -> None:
    (tags,) = to_tags(torch.tensor([[2.0, 0.0, -2.0]]), Taxonomy(("cat", "bee", "cat"), (1, 2, 3)), 0.0)

    assert list(tags.tags) == ["cat", "bee", "cat (2)"]
    assert Tags.from_json(json.loads(json.dumps(tags.to_json()))) == tags


def test_tags_are_a_line_under_the_picture_and_no_tags_are_none() -> None:
    def added_height(scores: list[float]) -> int:
        canvas = Canvas(Image.new("RGB", (60, 40)))
        Tags.of(torch.tensor(scores), NAMES, 0.5).draw(canvas)
        return canvas.picture().height - canvas.size[1]

    assert added_height([0.1, 0.1, 0.1]) == 0
    assert added_height([0.1, 0.9, 0.1]) > 0
