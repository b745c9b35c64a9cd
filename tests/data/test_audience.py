"""Whose labels they are."""

from __future__ import annotations

import numpy as np

from unified.data.audience import Audience, common

TASKS = ("detection", "caption")


def test_each_data_set_is_for_its_tasks() -> None:
    audience = Audience.of_parts(TASKS, [(2, ["detection"]), (1, ["caption", "detection"]), (1, [])])
    assert [audience.of(i) for i in range(4)] == [{"detection"}, {"detection"}, set(TASKS), set()]
    assert audience.counts() == {"detection": 3, "caption": 1}


def test_a_share_of_the_labels_is_kept_by_lot_for_each_task_by_itself() -> None:
    whole = Audience.of_parts(TASKS, [(1000, TASKS)])
    kept = whole.keeping({"detection": 0.25, "caption": 0.5}, seed=1)
    assert kept.counts() == {"detection": 250, "caption": 500}
    both = kept.given.all(1).sum()
    assert 100 < both < 150, "about an eighth has both"
    assert (kept.given == whole.keeping({"detection": 0.25, "caption": 0.5}, seed=1).given).all()
    assert (kept.given != whole.keeping({"detection": 0.25, "caption": 0.5}, seed=2).given).any()


def test_pictures_with_labels_for_no_task_are_told_apart() -> None:
    audience = Audience.of_parts(TASKS, [(1, ["detection"]), (2, []), (1, TASKS)])
    assert audience.labelled() == [0, 3]


def test_what_a_task_keeps_does_not_depend_on_the_other_tasks() -> None:
    alone = Audience.of_parts(["caption"], [(100, TASKS)]).keeping({"caption": 0.3}, seed=0)
    among = Audience.of_parts(TASKS, [(100, TASKS)]).keeping({"caption": 0.3}, seed=0)
    assert alone.given[:, 0].tolist() == among.given[:, 1].tolist() and among.given[:, 0].all()


def test_codes_have_a_bit_for_each_task_but_those_left_out() -> None:
    audience = Audience(TASKS, np.array([[True, False], [True, True], [False, True]]))
    assert audience.codes().tolist() == [1, 3, 2]
    assert audience.codes(without=["detection"]).tolist() == [0, 1, 1]


def test_pictures_put_together_are_for_the_tasks_of_all() -> None:
    one, other = frozenset({"a", "b"}), frozenset({"b", "c"})
    assert common([one, other, None]) == frozenset({"b"})
    assert common([None, None]) is None
