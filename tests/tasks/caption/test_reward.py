from __future__ import annotations

import copy

import pytest

from tasks.caption.cider import cider_d
from tasks.caption.reward import BEST, Reward

PICTURES = [("A red star.", "one star, red"), ("a blue ring", "A ring."), ("two red rings on grass",)]


def test_a_caption_is_worth_its_cider_d_with_the_end_as_a_word() -> None:
    reward = Reward(PICTURES)
    ended = [[f"{text} END".lower().replace(".", "").replace(",", "").split() for text in some] for some in PICTURES]
    for i, said in enumerate(("a red star", "a ring", "red rings")):
        candidates = [[*said.split(), "end"] if k == i else several[0] for k, several in enumerate(ended)]
        (worth,) = reward([(said, True)], [(text, True) for text in PICTURES[i]])
        assert worth == pytest.approx(cider_d(candidates, ended)[i], abs=1e-9)


def test_rare_words_are_weighed_by_the_training_captions_alone() -> None:
    reward = Reward([*PICTURES, *[("a red thing",)] * 20])
    common, rare = reward([("a thing", True), ("a kite", True)], [("a kite and a thing", True)])
    assert rare > common > 0


def test_a_sentence_that_breaks_off_is_worth_less_than_a_whole_one() -> None:
    reward = Reward(PICTURES)
    whole, broken = reward([("a red star", True), ("a red star", False)], [("A red star.", True)])
    assert whole == pytest.approx(BEST) and broken < whole


def test_nothing_said_is_worth_nothing() -> None:
    assert Reward(PICTURES)([("", True), ("", False)], [("a red star", False)]) == [0, 0]


def test_copies_of_a_model_share_the_counts() -> None:
    reward = Reward(PICTURES)
    assert copy.deepcopy({"task": reward})["task"] is reward


def test_the_same_words_everywhere_tell_nothing() -> None:
    assert Reward(PICTURES).can_tell and not Reward([("a star",)] * 3).can_tell and not Reward([]).can_tell
