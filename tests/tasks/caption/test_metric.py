from __future__ import annotations

from tasks.caption import Caption
from tasks.caption.corpus import score_corpus
from tasks.caption.metric import CaptionMetric
from tests.tasks.caption.conftest import make_sample
from unified.task import Prediction


def test_pictures_without_captions_are_left_out() -> None:
    samples = [make_sample("a red star", "a star"), make_sample(labelled=False), make_sample("two rings", " ")]
    said = ["a red star", "whatever", "two blue rings"]
    metric = CaptionMetric("caption")
    metric.update([Prediction({"caption": Caption(text, 0.5, 3)}) for text in said], samples)
    assert metric.compute() == score_corpus([said[0], said[2]], [["a red star", "a star"], ["two rings"]])
