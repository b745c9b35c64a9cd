"""What a task's numbers come to."""

from __future__ import annotations

import pytest

from tests.train.toys import ToyTask
from unified.errors import ConfigError
from unified.task import Scores, fitness


def test_fitness_is_the_weighted_sum_and_what_is_undefined_counts_as_nothing() -> None:
    task = ToyTask("bright")
    task.fitness = {"a": 0.5, "b": 2.0, "c": 1.0}
    assert fitness(task, Scores({"a": 0.4, "b": 0.1, "c": None})) == pytest.approx(0.4)


def test_a_fitness_of_a_number_that_is_not_there_is_told() -> None:
    task = ToyTask("bright")
    task.fitness = {"accu": 1.0}
    with pytest.raises(ConfigError, match=r"task bright: its fitness counts 'accu'.*did you mean 'acc'"):
        fitness(task, Scores({"acc": 0.5}))
