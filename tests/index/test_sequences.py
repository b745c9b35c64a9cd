"""Whatever is done in whatever order, an index holds what a dictionary holds, and finds what comparing all finds."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.index.gallery import CATEGORIES, ORIGIN, SMALL, Model, entries, vectors
from unified.index.backend import Effort, Filter
from unified.index.folder import FolderBackend
from unified.index.index import Index
from unified.index.policy import Policy

Step = tuple[str, int]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 12)),
        st.tuples(st.just("remove"), st.integers(0, 2**16)),
        st.tuples(st.just("compact"), st.just(0)),
        st.tuples(st.just("reopen"), st.just(0)),
    ),
    max_size=10,
)
FILTERS = st.one_of(
    st.none(), st.builds(Filter, st.sampled_from(CATEGORIES), st.one_of(st.none(), st.floats(0, 1, width=16)))
)


# Structures of all kinds within a few steps, and searches that leave nothing out.
POLICIES = st.sampled_from([SMALL, Policy(flat_up_to=20, fast_scan_from=45)])
EVERYTHING = Effort(nprobe=1_000, k_factor=64)


def run(steps: list[Step], where: Filter | None, policy: Policy) -> None:
    folder = Path(tempfile.mkdtemp())
    model, next_id = Model(), 0
    try:
        index = Index(FolderBackend.create(folder, ORIGIN, policy))
        for name, number in steps:
            if name == "add":
                ids = range(next_id, next_id + number)
                assert index.add(vectors(number, next_id), entries(ids)) == list(ids)
                model.add(ids, vectors(number, next_id), entries(ids))
                next_id += number
            elif name == "remove":
                gone = [id for place, id in enumerate(model.held) if number >> place % 16 & 1]
                index.remove(gone)
                for id in gone:
                    del model.held[id]
            elif name == "compact":
                index.compact()
            else:
                index.close()
                index = Index(FolderBackend.open(folder, policy))
            compare(index, model, where)
    finally:
        shutil.rmtree(folder)


def compare(index: Index, model: Model, where: Filter | None) -> None:
    assert len(index) == len(model.held)
    assert index.entries(list(model.held)) == [what for _, what in model.held.values()]
    if not model.held:
        return
    if where is not None and where.category not in (None, *(what.category for _, what in model.held.values())):
        where = None
    k = max(1, len(model.held) // 2)
    for query in vectors(2, seed=99):
        model.check(query, k, where, index.search(query[None], k, where=where, parameters=EVERYTHING)[0])


@settings(max_examples=12, deadline=None, derandomize=True, database=None)
@given(STEPS, FILTERS, POLICIES)
def test_a_sequence_of_changes_gives_what_a_dictionary_gives(
    steps: list[Step], where: Filter | None, policy: Policy
) -> None:
    run(steps, where, policy)


@pytest.mark.slow
@settings(
    max_examples=2000,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(STEPS, FILTERS, POLICIES)
def test_two_thousand_sequences_give_what_a_dictionary_gives(
    steps: list[Step], where: Filter | None, policy: Policy
) -> None:
    run(steps, where, policy)
