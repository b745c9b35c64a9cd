"""Against numbers worked out by hand, and a plain count of the definitions."""

from __future__ import annotations

import itertools
import logging
import sys

import numpy as np
import pytest

from unified.errors import DataError, MissingExtraError
from unified.track import Sighting, Tracks, score_tracks

HERE, THERE, ELSEWHERE = (0.0, 0.0, 10.0, 10.0), (50.0, 0.0, 60.0, 10.0), (0.0, 80.0, 10.0, 90.0)


def tracks(
    *frames: dict[int, tuple[float, float, float, float]], name: str = "", known: tuple[str, ...] = ()
) -> Tracks:
    numbered = enumerate(frames, 1)
    return Tracks("s", {n: tuple(Sighting(i, box, 1.0, name) for i, box in f.items()) for n, f in numbered}, known)


TRUTH = tracks(*[{1: HERE, 2: THERE}] * 4)


def test_the_truth_itself_scores_one() -> None:
    numbers = score_tracks([(TRUTH, TRUTH)]).numbers
    assert [numbers[name] for name in ("HOTA", "IDF1", "MOTA", "MOTP")] == pytest.approx([1, 1, 1, 1])
    assert [numbers[name] for name in ("IDSW", "FP", "FN", "Frag", "MT", "ML")] == [0, 0, 0, 0, 2, 0]


def test_numbers_worked_out_by_hand() -> None:
    # Object 1 is followed by 7, then by 8; object 2 is missed in two frames of four; one box is nowhere.
    found = tracks({7: HERE, 9: THERE}, {7: HERE, 9: THERE}, {8: HERE}, {8: HERE, 5: ELSEWHERE})
    numbers = score_tracks([(found, TRUTH)]).numbers
    assert (numbers["IDSW"], numbers["FN"], numbers["FP"]) == (1, 2, 1)
    assert numbers["MOTA"] == pytest.approx(1 - (1 + 2 + 1) / 8)
    # Best pairing of objects: 1 with 7 (or 8), 2 with 9: 2 + 2 boxes of 8 true and 7 found.
    assert numbers["IDF1"] == pytest.approx(2 * 4 / (8 + 7))
    assert [numbers["IDP"], numbers["IDR"]] == pytest.approx([4 / 7, 4 / 8])
    # DetA = TP / (TP + FN + FP). AssA = the mean over TPs of TPA / (TPA + FNA + FPA): each is 2 of 4 true ones.
    assert numbers["DetA"] == pytest.approx(6 / (6 + 2 + 1)) and numbers["AssA"] == pytest.approx(2 / 4)
    assert numbers["HOTA"] == pytest.approx((6 / 9 * 2 / 4) ** 0.5)


def test_an_overlap_counts_for_hota_up_to_its_alpha_and_for_the_others_from_one_half() -> None:
    shifted = tracks(*[{1: (0.0, 0.0, 10.0, 6.1), 2: (50.0, 0.0, 60.0, 4.1)}] * 4)  # IoU .61 and .41
    numbers = score_tracks([(shifted, TRUTH)]).numbers
    assert [numbers["FN"], numbers["FP"], numbers["MOTP"]] == pytest.approx([4, 4, 0.61])
    alphas = np.arange(1, 20) * 0.05
    det = [4 * (int(a < 0.61) + int(a < 0.41)) for a in alphas]
    assert numbers["DetA"] == pytest.approx(np.mean([tp / (16 - tp) for tp in det]))


def test_random_tracks_equal_a_plain_count_of_idf1_and_mota() -> None:
    rng = np.random.default_rng(0)
    places = [(60.0 * i, 0.0, 60.0 * i + 10, 10.0) for i in range(4)]  # apart: which box is which is never in question

    def random_tracks() -> Tracks:
        chosen = [rng.permutation(4)[: rng.integers(0, 4)] for _ in range(6)]
        return tracks(*({i: places[p] for i, p in enumerate(order, 1)} for order in chosen))

    for _ in range(10):
        found, truth = random_tracks(), random_tracks()
        if not truth.boxes:
            continue
        numbers = score_tracks([(found, truth)]).numbers
        pairs = [
            [(a.track, b.track) for a in truth.frames[n] for b in found.frames[n] if a.box == b.box]
            for n in truth.frames
        ]
        best = max(
            sum((t, f) in frame for frame in pairs for t, f in enumerate(order, 1))
            for order in itertools.permutations([1, 2, 3])
        )
        assert numbers["IDF1"] == pytest.approx(2 * best / (found.boxes + truth.boxes))
        last: dict[int, int] = {}
        switches = 0
        for t, f in itertools.chain(*pairs):
            switches += last.get(t, f) != f
            last[t] = f
        matched = sum(map(len, pairs))
        assert numbers["IDSW"] == switches
        assert numbers["MOTA"] == pytest.approx(
            1 - (truth.boxes - matched + found.boxes - matched + switches) / truth.boxes
        )


def test_sequences_are_counted_together_and_shown_apart() -> None:
    half = tracks(*[{1: HERE}] * 2)
    scores = score_tracks([(TRUTH, TRUTH), (tracks({}, {}), half)])
    assert scores.numbers["MOTA"] == pytest.approx(1 - 2 / 10) and scores.numbers["IDF1"] == pytest.approx(16 / 18)
    assert [row["MOTA"] for row in scores.tables["per_sequence"]] == [1, 0]


def test_one_number_in_two_sequences_is_two_objects() -> None:
    first, second = tracks({1: HERE}), tracks({1: HERE})
    swapped = tracks({2: HERE})
    assert score_tracks([(first, first), (swapped, second)]).numbers["IDF1"] == 1


def test_nothing_found_scores_zero() -> None:
    numbers = score_tracks([(tracks({}, {}, {}, {}), TRUTH)]).numbers
    assert (numbers["HOTA"], numbers["IDF1"], numbers["MOTA"], numbers["FN"]) == (0, 0, 0, 8)


def test_a_box_of_another_category_finds_nothing() -> None:
    truth = tracks({1: HERE}, name="cat", known=("cat", "dog"))
    scores = score_tracks([(tracks({1: HERE}, name="dog"), truth)])
    assert (scores.numbers["FN"], scores.numbers["FP"]) == (1, 1)
    assert [row["category"] for row in scores.tables["per_category"]] == ["cat", "dog"]


def test_categories_that_truth_does_not_know_are_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    truth = tracks({1: HERE}, name="cat", known=("cat",))
    found = Tracks("s", {1: (Sighting(1, HERE, 1.0, "cat"), Sighting(2, THERE, 1.0, "car"))})
    with caplog.at_level(logging.WARNING):
        assert score_tracks([(found, truth)]).numbers["MOTA"] == 1
    assert "not scored: 1 of car" in caplog.text


@pytest.mark.parametrize(
    ("found", "truth", "message"),
    [
        (tracks({1: HERE}), TRUTH, "frame 2 has truth, but was not tracked .3 such"),
        (TRUTH, tracks({}, {}), "not one box in the tracked frames"),
        (
            tracks({1: HERE}, name="person"),
            tracks({1: HERE}, name="man", known=("man",)),
            "person, but truth is of man",
        ),
        (
            Tracks("s", {1: (Sighting(1, HERE, 1.0, "a"), Sighting(2, HERE, 1.0, "b"))}),
            tracks({1: HERE}),
            "knows no categories, but found were a, b: choose one",
        ),
    ],
)
def test_what_cannot_be_scored_is_told(found: Tracks, truth: Tracks, message: str) -> None:
    with pytest.raises(DataError, match=message):
        score_tracks([(found, truth)])


def test_without_trackeval_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trackeval", None)
    with pytest.raises(MissingExtraError, match=r"unified\[track\]"):
        score_tracks([(TRUTH, TRUTH)])
