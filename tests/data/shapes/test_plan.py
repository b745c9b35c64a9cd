from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from unified.data.shapes.plan import Deal, Plan, make_plan
from unified.data.shapes.vocabulary import CATEGORIES, MAX_OBJECTS


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(400, 200, seed=0)


def images_by_identity(deal: Deal) -> dict[int, set[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    for image, identities in enumerate(deal):
        for identity in identities:
            found[identity.number].add(image)
    return found


def test_every_identity_recurs_in_several_images(plan: Plan) -> None:
    for deal in (plan.train, plan.val):
        assert min(len(images) for images in images_by_identity(deal).values()) >= 3


def test_val_shows_identities_of_train_and_of_its_own(plan: Plan) -> None:
    train, val = set(images_by_identity(plan.train)), set(images_by_identity(plan.val))
    assert train == set(plan.train_identities)
    assert val & train == set(plan.seen_identities)
    assert val - train == set(plan.unseen_identities)
    assert len(plan.seen_identities) >= 30
    assert len(plan.unseen_identities) >= 30


def test_train_has_as_many_identities_as_are_asked_for() -> None:
    plan = make_plan(1000, 200, seed=0, identities=600)
    found = images_by_identity(plan.train)
    assert len(found) == len(plan.train_identities) == 600
    assert min(len(images) for images in found.values()) >= 2
    assert len(plan.unseen_identities) == 40 and not set(plan.unseen_identities) & set(found)


def test_categories_are_balanced(plan: Plan) -> None:
    counts = Counter(identity.category for identities in plan.train for identity in identities)
    assert set(counts) == set(CATEGORIES)
    assert max(counts.values()) <= 1.1 * min(counts.values())


def test_images_show_none_to_eight_objects_three_on_average(plan: Plan) -> None:
    sizes = [len(identities) for identities in plan.train]
    assert set(sizes) == set(range(MAX_OBJECTS + 1))
    assert 2.4 <= sum(sizes) / len(sizes) <= 3.2
    assert sizes.count(0) == round(0.05 * len(sizes))


def test_some_images_show_an_identity_twice(plan: Plan) -> None:
    twins = [len(identities) > len(set(identities)) for identities in plan.train]
    assert 0.05 <= sum(twins) / len(twins) <= 0.25


@pytest.mark.parametrize(("train", "val"), [(1, 1), (2, 1), (6, 3), (20, 5)])
def test_a_tiny_set_has_fewer_identities_but_both_kinds_of_them(train: int, val: int) -> None:
    plan = make_plan(train, val, seed=0)
    assert len(plan.train) == train
    assert len(plan.val) == val
    assert plan.train_identities
    assert plan.seen_identities
    assert set(plan.seen_identities) <= set(plan.train_identities)
    assert not set(plan.unseen_identities) & set(plan.train_identities)
    if train > 2:
        assert () in plan.train
        assert min(len(images) for images in images_by_identity(plan.train).values()) >= 2
